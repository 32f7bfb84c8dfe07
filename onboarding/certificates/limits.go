package certificates

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Bucket is a rate limit as a token bucket: so many events at once, and one more after each
// interval.
type Bucket struct {
	Burst  int           `yaml:"burst"`
	Refill time.Duration `yaml:"refill"`
}

// Limits are the rate limits of a certificate authority. The defaults are those of Let's Encrypt:
// https://letsencrypt.org/docs/rate-limits/.
type Limits struct {
	// Duplicates limits certificates for exactly the same names. Default 5, and one more every 34
	// hours.
	Duplicates Bucket `yaml:"duplicates"`
	// Failures limits failed validations of one name. Default 5, and one more every 12 minutes.
	Failures Bucket `yaml:"failures"`
}

// WithDefaults fills in what is not set.
func (l Limits) WithDefaults() Limits {
	if l.Duplicates == (Bucket{}) {
		l.Duplicates = Bucket{5, 34 * time.Hour}
	}
	if l.Failures == (Bucket{}) {
		l.Failures = Bucket{5, 12 * time.Minute}
	}
	return l
}

// Validate reports every problem, each with the field's name.
func (l Limits) Validate() error {
	var problems []error
	for _, bucket := range []struct {
		name string
		Bucket
	}{{"duplicates", l.Duplicates}, {"failures", l.Failures}} {
		if bucket.Bucket != (Bucket{}) && (bucket.Burst < 1 || bucket.Refill <= 0) {
			problems = append(problems, fmt.Errorf("%s: burst and refill must both be positive", bucket.name))
		}
	}
	return errors.Join(problems...)
}

// Issuance is one certificate that an authority issued.
type Issuance struct {
	Serial string    `json:"serial"`
	Names  []string  `json:"names"` // sorted
	At     time.Time `json:"at"`
}

// Failure is one validation that failed.
type Failure struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

// History is what a host's own records say about past attempts. It does not hold attempts made
// elsewhere.
type History struct {
	Issued []Issuance `json:"issued"`
	Failed []Failure  `json:"failed"`
}

// LimitError reports that another attempt would run into a rate limit of the certificate
// authority.
type LimitError struct {
	Reason string
	Until  time.Time // when an attempt is possible again
}

// Error is a sentence for people.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: the certificate authority allows no attempt before %s", e.Reason, Time(e.Until))
}

// Check returns a [*LimitError] if an attempt to renew the certificate for these names would run
// into a limit.
func (l Limits) Check(history History, names []string, now time.Time) error {
	l = l.WithDefaults()
	names = slices.Sorted(slices.Values(names))
	var issued []time.Time
	for _, issuance := range history.Issued {
		if slices.Equal(issuance.Names, names) {
			issued = append(issued, issuance.At)
		}
	}
	if until := l.Duplicates.free(issued, now); until.After(now) {
		return &LimitError{"certificates for exactly " + Names(names) + " were issued too often lately", until}
	}
	for _, name := range names {
		var failed []time.Time
		for _, failure := range history.Failed {
			if failure.Name == name {
				failed = append(failed, failure.At)
			}
		}
		if until := l.Failures.free(failed, now); until.After(now) {
			return &LimitError{"validation of " + probe.Unicode(name) + " failed too often lately", until}
		}
	}
	return nil
}

// free is when the bucket admits the next event after these: the generic cell rate algorithm, a
// token bucket without a counter.
func (b Bucket) free(events []time.Time, now time.Time) time.Time {
	slices.SortFunc(events, time.Time.Compare)
	var full time.Time // when the bucket is full again
	for _, at := range events {
		if at.After(now) {
			at = now
		}
		if full.Before(at) {
			full = at
		}
		full = full.Add(b.Refill)
	}
	return full.Add(-time.Duration(b.Burst-1) * b.Refill)
}
