package probe

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// TestVerifiedChainsAreRememberedWhileTheyHold asks with no roots what was verified with them:
// only memory can say yes.
func TestVerifiedChainsAreRememberedWhileTheyHold(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	now := time.Now()
	leaf := authority.Issue(t, probetest.Order{Names: []string{"merche-biche.com"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(time.Hour)}).Leaf
	chain := []*x509.Certificate{leaf, authority.Intermediate}
	roots, none := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(authority.Root)
	var v verifiedChains
	for _, step := range []struct {
		what  string
		chain []*x509.Certificate
		roots *x509.CertPool
		at    time.Time
		want  bool
	}{
		{"nothing is known yet", chain, none, now, false},
		{"a refusal is not remembered", chain, roots, now, true},
		{"verified before", chain, none, now, true},
		{"expired since", chain, none, now.Add(2 * time.Hour), false},
		{"before it was valid", chain, none, now.Add(-2 * time.Hour), false},
		{"without its intermediate", chain[:1], none, now, false},
	} {
		if err := v.verify(step.chain, step.roots, step.at); (err == nil) != step.want {
			t.Errorf("%s: error = %v", step.what, err)
		}
	}
}
