package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Check is what is said about one record.
type Check struct {
	Name     string     `json:"name"` // the record's name and type
	Status   dns.Status `json:"status"`
	Sentence string     `json:"sentence"`
}

// Verify asks every name server of the domain whether the records stand, and whether what they name works: SPF within its look-ups, and
// exchangers with addresses. The error is for when nobody can be asked.
func Verify(ctx context.Context, resolver Resolver, domain string, wanted []dns.Record) ([]Check, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	state, err := resolver.Observe(ctx, domain, dns.Questions(wanted))
	if err != nil {
		return nil, fmt.Errorf("mail of %s: %w", domain, err)
	}
	v := &view{resolver: resolver, seen: map[dns.Question][]dns.Record{}}
	var checks []Check
	for _, want := range wanted {
		check := judge(want, wanted, state)
		if check.Status == dns.OK {
			if check, err = v.works(ctx, check, want); err != nil {
				return nil, err
			}
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// judge compares one record with what every server says; the worst counts.
func judge(want dns.Record, wanted []dns.Record, state dns.State) Check {
	check := Check{Name: want.Name + " " + want.Type, Status: dns.OK}
	var silent, missing, wrong []string
	for _, server := range state.Servers {
		i := slices.IndexFunc(server.Answers, func(a dns.Answer) bool { return a.Name == want.Name && a.Type == want.Type })
		if i < 0 || server.Answers[i].Problem != "" {
			silent = append(silent, server.Name)
			continue
		}
		switch problem := differs(want, wanted, server.Answers[i].Records); problem {
		case "":
		case nothing:
			missing = append(missing, server.Name)
		default:
			wrong = append(wrong, server.Name+" "+problem)
		}
	}
	switch {
	case len(wrong) > 0:
		check.Status, check.Sentence = dns.Wrong, fmt.Sprintf("%s is not right: %s.", label(want), strings.Join(wrong, "; "))
	case len(missing) > 0:
		check.Status, check.Sentence = dns.Missing, fmt.Sprintf("%s is not there yet at %s.", label(want), strings.Join(missing, ", "))
	case len(silent) > 0 || len(state.Servers) == 0:
		check.Status, check.Sentence = dns.Unknown, fmt.Sprintf("%s is not known: no usable answer from %s.", label(want), strings.Join(silent, ", "))
	default:
		check.Sentence = label(want) + " stands."
	}
	return check
}

const nothing = "has none"

// differs says what one server has in place of a record, or nothing.
func differs(want dns.Record, wanted, got []dns.Record) string {
	switch purposeOf(want) {
	case exchanger:
		if others := foreign(want.Name, got, wanted); len(others) > 0 {
			return "has also " + strings.Join(others, ", ")
		}
	case sender:
		if count := len(spfRecords(got)); count > 1 {
			return fmt.Sprintf("has %d SPF records, and one is allowed", count)
		} else if count == 1 && spfRecords(got)[0].Text() != want.Text() {
			return fmt.Sprintf("has %q", spfRecords(got)[0].Text())
		}
	case policy:
		count := 0
		for _, record := range got {
			if purposeOf(record) == policy {
				count++
				if record.Text() != want.Text() {
					return fmt.Sprintf("has %q", shorten(record.Text()))
				}
			}
		}
		if count > 1 {
			return fmt.Sprintf("has %d DMARC records, and one is allowed", count)
		}
	case signer:
		key, _ := published(want.Text())
		for _, record := range got {
			if problem := key.matches(record.Text()); problem != "" {
				return problem
			}
		}
		if len(got) == 1 {
			return ""
		}
		if len(got) > 1 {
			return fmt.Sprintf("has %d records, and one is allowed", len(got))
		}
	}
	if !slices.ContainsFunc(got, func(r dns.Record) bool { return r.Text() == want.Text() }) {
		return nothing
	}
	return ""
}

func label(record dns.Record) string {
	name := map[purpose]string{exchanger: "MX", sender: "SPF", policy: "DMARC", signer: "DKIM", other: record.Type}[purposeOf(record)]
	if record.Type == "MX" {
		return fmt.Sprintf("%s %s of %s", name, strings.TrimSuffix(record.Value, "."), record.Name)
	}
	return fmt.Sprintf("%s at %s", name, record.Name)
}

// works looks behind a record that stands.
func (v *view) works(ctx context.Context, check Check, record dns.Record) (Check, error) {
	problem := ""
	switch purposeOf(record) {
	case sender:
		parsed, err := parseSPF(record.Text())
		if err != nil {
			return Check{}, fmt.Errorf("SPF at %s: %w", record.Name, err)
		}
		if problem, err = v.checkSPF(ctx, record.Name, parsed); err != nil {
			return Check{}, err
		}
	case exchanger:
		_, target, _ := strings.Cut(record.Value, " ")
		found := target == "."
		for _, kind := range []string{"A", "AAAA"} {
			records, err := v.records(ctx, target, kind)
			if err != nil {
				return Check{}, err
			}
			found = found || len(records) > 0
		}
		if !found {
			problem = fmt.Sprintf("The exchanger %s has no address, so that mail to %s is not delivered.", strings.TrimSuffix(target, "."), record.Name)
		}
	}
	if problem != "" {
		check.Status, check.Sentence = dns.Wrong, problem
	}
	return check, nil
}
