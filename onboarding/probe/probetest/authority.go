// Package probetest makes certification authorities and servers, good and bad, for tests of what
// looks at them. Everything in it is real: keys, chains, listeners on loopback addresses.
package probetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a root and one intermediate that issues.
type Authority struct {
	Root         *x509.Certificate
	Intermediate *x509.Certificate
	rootKey      crypto.Signer
	key          crypto.Signer
}

// NewAuthority makes an authority that is valid for ten years around now.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{rootKey: ecdsaKey(t), key: ecdsaKey(t)}
	now := time.Now()
	root := &x509.Certificate{
		Subject: pkix.Name{CommonName: name +
			" root"}, SerialNumber: serial(t), IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	a.Root = sign(t, root, root, a.rootKey.Public(), a.rootKey)
	intermediate := *root
	intermediate.Subject.CommonName, intermediate.SerialNumber = name+" intermediate", serial(t)
	a.Intermediate = sign(t, &intermediate, a.Root, a.key.Public(), a.rootKey)
	return a
}

// Expire replaces the intermediate by one that expired yesterday. It must not be used while others
// use the authority: copy it first.
func (a *Authority) Expire(t testing.TB) {
	t.Helper()
	template := *a.Intermediate
	template.NotAfter = time.Now().AddDate(0, 0, -1)
	a.Intermediate = sign(t, &template, a.Root, a.key.Public(), a.rootKey)
}

// RootFile writes the root in PEM and returns the path.
func (a *Authority) RootFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(path, PEM(a.Root), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// PEM writes certificates one after another.
func PEM(chain ...*x509.Certificate) []byte {
	var text []byte
	for _, certificate := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return text
}

// Order is what a certificate shall be.
type Order struct {
	Names     []string
	NotBefore time.Time // default an hour ago
	NotAfter  time.Time // default in 90 days
	RSA       bool      // default ECDSA P-256
}

// Issue makes a leaf with its chain.
func (a *Authority) Issue(t testing.TB, order Order) tls.Certificate {
	t.Helper()
	key, template := order.prepare(t)
	leaf := sign(t, template, a.Intermediate, key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, a.Intermediate.Raw}, PrivateKey: key, Leaf: leaf}
}

// SelfSigned makes a leaf that no authority has signed.
func SelfSigned(t testing.TB, order Order) tls.Certificate {
	t.Helper()
	key, template := order.prepare(t)
	leaf := sign(t, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (o Order) prepare(t testing.TB) (crypto.Signer, *x509.Certificate) {
	t.Helper()
	if o.NotBefore.IsZero() {
		o.NotBefore = time.Now().Add(-time.Hour)
	}
	if o.NotAfter.IsZero() {
		o.NotAfter = time.Now().AddDate(0, 0, 90)
	}
	key := ecdsaKey(t)
	if o.RSA {
		rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key = rsaKey
	}
	return key, &x509.Certificate{
		Subject: pkix.Name{CommonName: o.Names[0]}, DNSNames: o.Names, SerialNumber: serial(t), NotBefore: o.NotBefore,
		NotAfter: o.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func ecdsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func sign(t testing.TB, template, parent *x509.Certificate, key crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, by)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
