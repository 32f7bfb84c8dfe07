package certificates

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Severity is how bad something is; greater is worse.
type Severity int

// How bad something can be.
const (
	Well      Severity = iota // nothing to do; faults of this severity are remarks
	Blind                     // could not look
	Attention                 // somebody should see to it
	Critical                  // visitors see an error, or soon will
)

var severities = []string{"well", "could not look", "attention", "urgent"}

// String is the severity in a word or three.
func (s Severity) String() string { return severities[s] }

// MarshalText implements [encoding.TextMarshaler].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severities, string(text))
	if i < 0 {
		return fmt.Errorf("unknown severity %q", text)
	}
	*s = Severity(i)
	return nil
}

// Kind tells faults apart: one of the kinds of [probe.Problem], or one of these.
type Kind = probe.Kind

// Faults that no single look shows.
const (
	NoAddress     Kind = "no address"         // DNS has none
	NoNameServer  Kind = "no name server"     // DNS could not be asked
	Elsewhere     Kind = "DNS elsewhere"      // DNS leads visitors to another machine
	LyingResolver Kind = "resolver disagrees" // this machine's resolver says something else than the name servers
	NotReloaded   Kind = "not reloaded"       // renewed on the host, but visitors still get the old one
	NotCertbots   Kind = "not certbot's"      // visitors get a certificate that certbot does not have
	UnknownToHost Kind = "unknown to certbot" // nobody renews it
	RenewalOff    Kind = "renewal off"        // somebody turned it off
	HostSilent    Kind = "host silent"        // certbot's files could not be read
	Differing     Kind = "differs by address" // visitors get different certificates
	ClockSkew     Kind = "clock skew"
	Late          Kind = "renewal late" // a threshold has passed
	NoRenewalInfo Kind = "no renewal information"
)

// Fault is something that is wrong with a site, as a sentence for people.
type Fault struct {
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	Sentence string   `json:"sentence"`
}

func fault(kind Kind, severity Severity, format string, args ...any) Fault {
	return Fault{kind, severity, fmt.Sprintf(format, args...)}
}

// worstFirst sorts faults and drops those that say the same.
func worstFirst(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Sentence, b.Sentence))
	})
	return slices.Compact(faults)
}
