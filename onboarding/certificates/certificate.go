package certificates

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Certificate is a leaf certificate, described by its own fields.
type Certificate struct {
	Serial    string    `json:"serial"` // lower-case hexadecimal without separators
	Names     []string  `json:"names"`  // sorted, each once
	Issuer    string    `json:"issuer"`
	Key       string    `json:"key"` // such as "ECDSA P-256"
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// Window is when the certificate authority suggests to renew it, nil if it was not asked or
	// does not say.
	Window *Window `json:"window,omitempty"`

	// Leaf is the parsed certificate, nil for one that was read from the database.
	Leaf *x509.Certificate `json:"-"`
}

// Window is the period in which a certificate authority suggests to renew a certificate: RFC 9773
// §4.2.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// FromX509 describes a parsed certificate.
func FromX509(leaf *x509.Certificate) Certificate {
	names := slices.Clone(leaf.DNSNames)
	slices.Sort(names)
	return Certificate{
		Serial:    leaf.SerialNumber.Text(16),
		Names:     slices.Compact(names),
		Issuer:    leaf.Issuer.String(),
		Key:       probe.KeyName(leaf),
		NotBefore: leaf.NotBefore.UTC(),
		NotAfter:  leaf.NotAfter.UTC(),
		Leaf:      leaf,
	}
}

// Covers reports whether the certificate is valid for a DNS name, wildcards included.
func (c Certificate) Covers(name string) bool {
	named := x509.Certificate{DNSNames: c.Names}
	return named.VerifyHostname(name) == nil
}

// Lifetime is the time from the beginning of the certificate's validity to its end.
func (c Certificate) Lifetime() time.Duration { return c.NotAfter.Sub(c.NotBefore) }

// Left is how long the certificate is still valid, negative once it has expired.
func (c Certificate) Left(now time.Time) time.Duration { return c.NotAfter.Sub(now) }

// Link is one certificate of a chain as the server sends it.
type Link struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
}
