package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// certificates are made anew at each start: a CA, and leaves by what is wrong with them ("" =
// nothing).
type certificates struct {
	caPEM  []byte
	leaves map[string]*tls.Certificate
	faults *faultList
}

func newCertificates(faults *faultList) *certificates {
	ca, caKey := newCA("upstream test CA")
	rogue, rogueKey := newCA("upstream rogue CA")
	now := time.Now()
	names := []string{"localhost", "*.test.example"}
	return &certificates{
		caPEM:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}),
		faults: faults,
		leaves: map[string]*tls.Certificate{
			"":                newLeaf(ca, caKey, names, now.Add(24*time.Hour)),
			"expired_cert":    newLeaf(ca, caKey, names, now.Add(-time.Hour)),
			"wrong_host_cert": newLeaf(ca, caKey, []string{"elsewhere.example"}, now.Add(24*time.Hour)),
			"untrusted_cert":  newLeaf(rogue, rogueKey, names, now.Add(24*time.Hour)),
		},
	}
}

func (c *certificates) config() *tls.Config {
	return &tls.Config{
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.leaves[c.faults.takeCert()], nil
		},
	}
}

// listen speaks TLS on a listener, HTTP/1.1 only.
func (c *certificates) listen(l net.Listener) net.Listener {
	config := c.config()
	config.NextProtos = []string{"http/1.1"}
	return tls.NewListener(l, config)
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	return key
}

func newCA(name string) (*x509.Certificate, crypto.Signer) {
	key := newKey()
	t := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              time.Now().Add(48 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	check(err)
	cert, err := x509.ParseCertificate(der)
	check(err)
	return cert, key
}

func newLeaf(ca *x509.Certificate, caKey crypto.Signer, names []string, until time.Time) *tls.Certificate {
	key := newKey()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: names[0]},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     until,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     names,
	}
	if names[0] == "localhost" {
		t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, key.Public(), caKey)
	check(err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
