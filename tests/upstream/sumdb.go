package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"
)

// sumdbServer is a checksum database over the tree: a module version gets its record when it is
// looked up first. The key follows from the seed, so it is the same at each start.
type sumdbServer struct {
	name        string
	verifierKey string
	server      *sumdb.Server
	o           *options
}

func newSumdbServer(o *options) *sumdbServer {
	signer, verifier := keysOf(o.sumdb, o.seed)
	s := &sumdbServer{name: o.sumdb, verifierKey: verifier, o: o}
	s.server = sumdb.NewServer(sumdb.NewTestServer(signer, s.record))
	return s
}

// keysOf derives the signer's and the verifier's key from a seed.
func keysOf(name string, seed int64) (signer, verifier string) {
	secret := sha256.Sum256(fmt.Appendf(nil, "test key %d of %s", seed, name))
	key := ed25519.NewKeyFromSeed(secret[:])
	verifier, err := note.NewEd25519VerifierKey(name, key.Public().(ed25519.PublicKey))
	check(err)
	hash := strings.Split(verifier, "+")[1]
	private := append([]byte{1}, secret[:]...)
	return "PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(private), verifier
}

// madeUp is the prefix of modules that have records only, made from their names.
const madeUp = "record.example.com/"

func lines(path, version, zipSum, modSum string) []byte {
	return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, zipSum, path, version, modSum)
}

// record makes the go.sum lines of a module version.
func (s *sumdbServer) record(path, version string) ([]byte, error) {
	if strings.HasPrefix(path, madeUp) {
		sum := sha256.Sum256([]byte(path + "@" + version))
		h1 := "h1:" + base64.StdEncoding.EncodeToString(sum[:])
		return lines(path, version, h1, h1), nil
	}
	escapedPath, err := module.EscapePath(path)
	if err != nil {
		return nil, err
	}
	escapedVersion, err := module.EscapeVersion(version)
	if err != nil {
		return nil, err
	}
	base := s.o.dir + "/" + escapedPath + "/@v/" + escapedVersion
	if _, err := os.Stat(base + ".zip"); err != nil {
		return nil, &fs.PathError{Op: "lookup", Path: path + "@" + version, Err: fs.ErrNotExist}
	}
	zipSum, err := dirhash.HashZip(base+".zip", dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	modSum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return os.Open(base + ".mod")
	})
	if err != nil {
		return nil, err
	}
	return lines(path, version, zipSum, modSum), nil
}

// serve answers requests for the checksum database and reports whether r was one.
func (s *sumdbServer) serve(w http.ResponseWriter, r *http.Request) bool {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/sumdb/"+s.name+"/"); ok {
		path = "/" + rest
		if path == "/supported" {
			w.WriteHeader(http.StatusOK)
			return true
		}
	}
	if !strings.HasPrefix(path, "/lookup/") && !strings.HasPrefix(path, "/tile/") && path != "/latest" {
		return false
	}
	r2 := r.Clone(r.Context())
	r2.URL.Path = path
	s.server.ServeHTTP(w, r2)
	return true
}
