package certificates

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Certificate is what a certificate says of itself.
type Certificate struct {
	Serial    string    `json:"serial"` // hexadecimal, as openssl prints it in lower case
	Names     []string  `json:"names"`  // sorted
	Issuer    string    `json:"issuer"`
	Key       string    `json:"key"` // such as "ECDSA P-256"
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// Window is when the authority suggests to renew it, if it was asked and says.
	Window *Window `json:"window,omitempty"`

	leaf *x509.Certificate // nil for one that is only remembered
}

func describe(leaf *x509.Certificate) Certificate {
	names := slices.Clone(leaf.DNSNames)
	slices.Sort(names)
	return Certificate{
		Serial:    leaf.SerialNumber.Text(16),
		Names:     slices.Compact(names),
		Issuer:    leaf.Issuer.String(),
		Key:       probe.KeyName(leaf),
		NotBefore: leaf.NotBefore.UTC(),
		NotAfter:  leaf.NotAfter.UTC(),
		leaf:      leaf,
	}
}

// Covers says whether it is for a name.
func (c Certificate) Covers(name string) bool {
	named := x509.Certificate{DNSNames: c.Names}
	return named.VerifyHostname(name) == nil
}

// Lifetime is how long the certificate is valid in all.
func (c Certificate) Lifetime() time.Duration { return c.NotAfter.Sub(c.NotBefore) }

// Left is how long it is still valid, negative once it has expired.
func (c Certificate) Left(now time.Time) time.Duration { return c.NotAfter.Sub(now) }

// Fraction is the part of the lifetime that is left, at most 1, and negative once it has expired.
func (c Certificate) Fraction(now time.Time) float64 {
	if c.Lifetime() <= 0 {
		return -1
	}
	return min(1, float64(c.Left(now))/float64(c.Lifetime()))
}

// Link is one certificate of a chain as served.
type Link struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
}

func links(chain []*x509.Certificate) []Link {
	var all []Link
	for _, c := range chain {
		all = append(all, Link{Subject: c.Subject.String(), Issuer: c.Issuer.String(), NotAfter: c.NotAfter.UTC()})
	}
	return all
}
