package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// tunnels is a listener whose connections are those that came through the proxy.
type tunnels struct {
	conns chan net.Conn
}

func newTunnels() *tunnels { return &tunnels{make(chan net.Conn)} }

func (t *tunnels) Accept() (net.Conn, error) { return <-t.conns, nil }
func (t *tunnels) Close() error              { return nil }
func (t *tunnels) Addr() net.Addr            { return &net.TCPAddr{} }

// forwardProxy leads every host to this program. What a CONNECT asks for is recorded and can be
// broken as "CONNECT host:port".
type forwardProxy struct {
	h     *host
	inner *tunnels
}

func (p *forwardProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		p.h.ServeHTTP(w, r) // an absolute URL: plain HTTP to some host
		return
	}
	if f := p.h.faults.take("CONNECT " + r.Host); f != nil {
		p.h.record("CONNECT", r.Host, f.Status)
		p.h.strike(w, r, f)
		return
	}
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	p.inner.conns <- client
}

// certificates holds a CA made at start, and the leaves it has made, by host.
type certificates struct {
	caPEM  []byte
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	return key
}

func newCertificates() *certificates {
	c := &certificates{key: newKey(), leaves: map[string]*tls.Certificate{}}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "githost test CA"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, c.key.Public(), c.key)
	check(err)
	c.ca, err = x509.ParseCertificate(der)
	check(err)
	c.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return c
}

func (c *certificates) forHost(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaf := c.leaves[hello.ServerName]; leaf != nil {
		return leaf, nil
	}
	key := newKey()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: hello.ServerName},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{hello.ServerName},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, c.ca, key.Public(), c.key)
	if err != nil {
		return nil, err
	}
	c.leaves[hello.ServerName] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return c.leaves[hello.ServerName], nil
}
