package certificates

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Severity is how bad something is. A greater one is worse.
type Severity int

// The severities.
const (
	Healthy   Severity = iota // nothing to do; a fault of this severity is a remark
	Unchecked                 // the check could not be made
	Attention                 // an operator should look into it
	Critical                  // visitors see an error, or soon will
)

// severityNames are the names in the order of the constants, as they are stored in the database
// and printed as JSON. They never change.
var severityNames = []string{"well", "could not look", "attention", "urgent"}

// Name is how the severity is stored.
func (s Severity) Name() string { return severityNames[s] }

// String is what people read about one site.
func (s Severity) String() string { return s.words(1) }

// words is what people read about a number of sites, behind that number.
func (s Severity) words(sites int) string {
	switch {
	case s == Critical:
		return "urgent"
	case s == Attention && sites == 1:
		return "needs attention"
	case s == Attention:
		return "need attention"
	case s == Unchecked:
		return "could not be checked"
	}
	return "OK"
}

// MarshalText implements [encoding.TextMarshaler].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.Name()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severityNames, string(text))
	if i < 0 {
		return fmt.Errorf("unknown severity %q", text)
	}
	*s = Severity(i)
	return nil
}

// Kind tells faults apart: one of the kinds of [probe.Problem], or one of these. Kinds are stored
// in the database.
type Kind = probe.Kind

// The kinds of faults that a single connection does not show.
const (
	NoAddress    Kind = "no address"     // the name has no address in DNS
	NoNameServer Kind = "no name server" // DNS could not be asked
	DNSElsewhere Kind = "DNS elsewhere"  // DNS sends visitors to another machine
	// ResolverDisagrees says that this machine's resolver contradicts the domain's name servers.
	ResolverDisagrees Kind = "resolver disagrees"
	// NotReloaded says that the server still sends the old certificate after a renewal.
	NotReloaded      Kind = "not reloaded"
	NotFromCertbot   Kind = "not certbot's"      // certbot does not have what visitors get
	UnknownToCertbot Kind = "unknown to certbot" // certbot has no certificate for the name
	RenewalOff       Kind = "renewal off"        // automatic renewal was turned off
	HostUnreadable   Kind = "host silent"        // certbot's files could not be read
	Differing        Kind = "differs by address" // visitors get different certificates
	ClockSkew        Kind = "clock skew"
	Late             Kind = "renewal late" // a threshold has passed
	NoRenewalInfo    Kind = "no renewal information"
	NotStarted       Kind = "renewal not started" // nothing starts certbot, or its last run failed
)

// Fault is something that is wrong with a site.
type Fault struct {
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	Sentence string   `json:"sentence"` // for people; without a capital and a full stop
}

// ReloadAdvice ends the sentence of a [NotReloaded] fault. The reminder that the fault is resolved
// leaves it out.
const ReloadAdvice = ": reload nginx there"

// NewFault formats the sentence of a fault.
func NewFault(kind Kind, severity Severity, format string, args ...any) Fault {
	return Fault{kind, severity, fmt.Sprintf(format, args...)}
}

// WorstFirst sorts faults and drops equal ones.
func WorstFirst(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Sentence, b.Sentence))
	})
	return slices.Compact(faults)
}
