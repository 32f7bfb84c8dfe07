package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"time"
)

// KeyType is the kind of key in a certificate.
type KeyType string

// Key types that servers have side by side; the empty one lets the server choose.
const (
	AnyKey KeyType = ""
	RSA    KeyType = "RSA"
	ECDSA  KeyType = "ECDSA"
)

// Handshake is what a visitor's handshake gets.
type Handshake struct {
	Address  netip.AddrPort
	Chain    []*x509.Certificate // as served, the leaf first
	Problems []*Problem          // what is wrong with the chain; none means that it was verified
	Version  uint16              // of TLS, as in [tls.VersionName]
}

// Leaf is the site's own certificate.
func (h Handshake) Leaf() *x509.Certificate { return h.Chain[0] }

// Verified reports whether a browser would accept the certificate.
func (h Handshake) Verified() bool { return len(h.Problems) == 0 }

// KeyName describes a certificate's key, such as "ECDSA P-256" or "RSA 2048".
func KeyName(certificate *x509.Certificate) string {
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return certificate.PublicKeyAlgorithm.String()
}

// KeyTypeOf is the type of a certificate's key.
func KeyTypeOf(certificate *x509.Certificate) KeyType {
	return KeyType(certificate.PublicKeyAlgorithm.String())
}

// TLS makes one handshake with an address as a visitor of the name would, at the HTTPS port. The
// error is a [*Problem] when no certificate was seen at all; what is wrong with a certificate that
// was seen is in the result.
func (p *Prober) TLS(ctx context.Context, name string, address netip.Addr) (Handshake, error) {
	return p.TLSWithKey(ctx, name, address, AnyKey)
}

// TLSWithKey is [Prober.TLS] with a visitor who knows only one kind of key. It takes TLS 1.2, the
// last version in which a client can choose: RFC 5246 §7.4.2.
func (p *Prober) TLSWithKey(ctx context.Context, name string, address netip.Addr, key KeyType) (Handshake, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	to := netip.AddrPortFrom(address, p.httpsPort)
	conn, err := p.dial(ctx, name, to)
	if err != nil {
		return Handshake{}, err
	}
	defer conn.Close()
	client := tls.Client(conn, p.clientConfig(name, key))
	if err := client.HandshakeContext(ctx); err != nil {
		return Handshake{}, handshakeProblem(name, to, conn.read, err)
	}
	state := client.ConnectionState()
	seen := Handshake{Address: to, Chain: state.PeerCertificates, Version: state.Version}
	seen.Problems = p.judge(name, seen.Chain, time.Now())
	return seen, nil
}

// clientConfig leaves verification to judge, which says more than the first thing that is wrong.
func (p *Prober) clientConfig(name string, key KeyType) *tls.Config {
	config := &tls.Config{
		ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12,
		// What every server has, and a third cheaper than the post-quantum default: there is no
		// secret to keep here.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384},
	}
	switch key {
	case RSA:
		config.MaxVersion = tls.VersionTLS12
		config.CipherSuites = []uint16{
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		}
	case ECDSA:
		config.MaxVersion = tls.VersionTLS12
		config.CipherSuites = []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		}
	}
	return config
}

// judge finds everything that is wrong with a chain, each fault on its own: an expired certificate
// can have the wrong name too.
func (p *Prober) judge(name string, chain []*x509.Certificate, now time.Time) []*Problem {
	leaf := chain[0]
	var problems []*Problem
	err := leaf.VerifyHostname(name)
	name = Unicode(name)
	if err != nil {
		problems = append(problems,
			problem(WrongName, err, "the certificate served for %s is for %s", name, names(leaf)))
	}
	switch {
	case now.After(leaf.NotAfter):
		problems = append(problems,
			problem(Expired, nil, "the certificate for %s expired on %s", name, day(leaf.NotAfter)))
	case now.Before(leaf.NotBefore):
		problems = append(problems, problem(NotYetValid, nil, "the certificate for %s is not valid before %s: "+
			"either it was installed too early or this machine's clock is slow", name, day(leaf.NotBefore)))
	}
	if trust := p.trust(name, chain, now); trust != nil {
		problems = append(problems, trust)
	}
	return problems
}

// trust looks at who vouches for the leaf of a name as people read it, at a time when the leaf
// itself was valid.
func (p *Prober) trust(name string, chain []*x509.Certificate, now time.Time) *Problem {
	leaf := chain[0]
	if now.After(leaf.NotAfter) {
		now = leaf.NotAfter
	}
	if now.Before(leaf.NotBefore) {
		now = leaf.NotBefore
	}
	err := p.verified.verify(chain, p.roots, now)
	if err == nil {
		return nil
	}
	if leaf.CheckSignatureFrom(leaf) == nil || string(leaf.RawIssuer) == string(leaf.RawSubject) {
		return problem(SelfSigned, err, "the certificate for %s is signed by itself, not by an authority", name)
	}
	for _, certificate := range chain[1:] {
		if now.After(certificate.NotAfter) {
			return problem(IssuerExpired, err, "the certificate of %v, above the one for %s, expired on %s",
				certificate.Subject, name, day(certificate.NotAfter))
		}
	}
	for _, certificate := range chain[1:] {
		if leaf.CheckSignatureFrom(certificate) == nil {
			return problem(UnknownIssuer, err, "the certificate for %s comes from an authority that is not trusted: "+
				"%v", name, chain[len(chain)-1].Issuer)
		}
	}
	return problem(IncompleteChain, err, "the server for %s does not send the certificate of its issuer, %v: the "+
		"chain is incomplete, or the issuer is not trusted", name, leaf.Issuer)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
