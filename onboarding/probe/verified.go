package probe

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"
)

// verifiedChains remembers which chains were verified, and from when until when that holds: the
// apex and www show the same chain over IPv4 and IPv6, and hour after hour, and each verification
// is two signatures. What was refused is not remembered, since it needs a reason each time. It is
// safe for concurrent use.
type verifiedChains struct {
	mu     sync.Mutex
	chains map[[sha256.Size]byte]period
}

type period struct{ from, until time.Time }

// maxVerified bounds the memory, to about a megabyte.
const maxVerified = 10_000

// verify is [x509.Certificate.Verify] for the first of a chain as served, with the others as
// intermediates. The roots must always be the same.
func (v *verifiedChains) verify(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	key := fingerprint(chain)
	v.mu.Lock()
	known, found := v.chains[key]
	v.mu.Unlock()
	if found && !now.Before(known.from) && !now.After(known.until) {
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		intermediates.AddCert(certificate)
	}
	verified, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: now})
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.chains == nil || len(v.chains) >= maxVerified {
		v.chains = make(map[[sha256.Size]byte]period)
	}
	v.chains[key] = common(verified[0])
	return nil
}

// common is when all certificates are valid.
func common(chain []*x509.Certificate) period {
	all := period{chain[0].NotBefore, chain[0].NotAfter}
	for _, certificate := range chain[1:] {
		if certificate.NotBefore.After(all.from) {
			all.from = certificate.NotBefore
		}
		if certificate.NotAfter.Before(all.until) {
			all.until = certificate.NotAfter
		}
	}
	return all
}

// fingerprint tells chains apart; certificates in DER say how long they are.
func fingerprint(chain []*x509.Certificate) (sum [sha256.Size]byte) {
	hash := sha256.New()
	for _, certificate := range chain {
		hash.Write(certificate.Raw)
	}
	hash.Sum(sum[:0])
	return sum
}
