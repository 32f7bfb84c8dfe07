package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Check is the result for one record.
type Check struct {
	Name     string     `json:"name"` // the record's name and type
	Status   dns.Status `json:"status"`
	Sentence string     `json:"sentence"`
}

// Verify asks every name server of the domain whether the records are published, and checks
// whether what they name works: that SPF stays within its lookup limits, and that exchangers have
// addresses. The error is that DNS could not be asked.
func (z Zone) Verify(ctx context.Context, wanted []dns.Record) ([]Check, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	state, err := z.Resolver.Observe(ctx, z.Domain, dns.Questions(wanted))
	if err != nil {
		return nil, fmt.Errorf("mail of %s: %w", z.Domain, err)
	}
	v := newView(z.Resolver, nil)
	var checks []Check
	for _, want := range wanted {
		check := judge(want, wanted, state)
		if check.Status == dns.OK {
			problem, err := v.broken(ctx, want)
			if err != nil {
				return nil, err
			}
			if problem != "" {
				check.Status, check.Sentence = dns.Wrong, problem
			}
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// judge compares one record with what every server has. The worst answer counts.
func judge(want dns.Record, wanted []dns.Record, state dns.State) Check {
	check := Check{Name: want.Name + " " + want.Type, Status: dns.OK}
	var silent, missing, wrong []string
	for _, server := range state.Servers {
		i := slices.IndexFunc(server.Answers, func(a dns.Answer) bool {
			return a.Name == want.Name &&
				a.Type == want.Type
		})
		if i < 0 || server.Answers[i].Problem != "" {
			silent = append(silent, server.Name)
			continue
		}
		got := server.Answers[i].Records
		if problem := differs(want, wanted, got); problem != "" {
			wrong = append(wrong, server.Name+" "+problem)
		} else if !published(want, got) {
			missing = append(missing, server.Name)
		}
	}
	switch {
	case len(wrong) > 0:
		check.Status, check.Sentence = dns.Wrong, fmt.Sprintf("%s is wrong: %s.", label(want),
			strings.Join(wrong, "; "))
	case len(missing) > 0:
		check.Status = dns.Missing
		check.Sentence = fmt.Sprintf("%s is not published yet at %s.", label(want), strings.Join(missing, ", "))
	case len(silent) > 0 || len(state.Servers) == 0:
		check.Status = dns.Unknown
		check.Sentence = fmt.Sprintf("%s could not be checked: no usable answer from %s.", label(want),
			strings.Join(silent, ", "))
	default:
		check.Sentence = label(want) + " is published."
	}
	return check
}

// differs says what one server has instead of a record or beside it, or nothing.
func differs(want dns.Record, wanted, got []dns.Record) string {
	switch purposeOf(want) {
	case exchanger:
		if others := foreign(want.Name, got, wanted); len(others) > 0 {
			return "also has " + strings.Join(others, ", ")
		}
	case sender:
		return differsFromOnly(want, spfRecords(got), "SPF")
	case policy:
		return differsFromOnly(want, slices.DeleteFunc(slices.Clone(got),
			func(r dns.Record) bool { return !isDMARC(r) }), "DMARC")
	case signer:
		key, _ := publishedKey(want.Text())
		for _, record := range got {
			if problem := key.matches(record.Text()); problem != "" {
				return problem
			}
		}
		if len(got) > 1 {
			return fmt.Sprintf("has %d records, and one is allowed", len(got))
		}
	}
	return ""
}

// differsFromOnly says how the records of a kind, of which there may be one, differ from the one
// that is wanted.
func differsFromOnly(want dns.Record, got []dns.Record, kind string) string {
	switch {
	case len(got) > 1:
		return fmt.Sprintf("has %d %s records, and one is allowed", len(got), kind)
	case len(got) == 1 && got[0].Text() != want.Text():
		return fmt.Sprintf("has %q", got[0].Text())
	}
	return ""
}

// published reports whether a record is among those of a server. A key may be written in another
// way.
func published(want dns.Record, got []dns.Record) bool {
	if purposeOf(want) == signer {
		return len(got) > 0
	}
	return slices.ContainsFunc(got, func(r dns.Record) bool { return r.Text() == want.Text() })
}

// label names a record for people.
func label(record dns.Record) string {
	names := map[purpose]string{exchanger: "MX", sender: "SPF", policy: "DMARC", signer: "DKIM", other: record.Type}
	if record.Type == "MX" {
		return fmt.Sprintf("MX %s of %s", strings.TrimSuffix(record.Value, "."), record.Name)
	}
	return fmt.Sprintf("%s at %s", names[purposeOf(record)], record.Name)
}

// broken says in a sentence what does not work behind a record that is published, or nothing.
func (v *view) broken(ctx context.Context, record dns.Record) (problem string, err error) {
	switch purposeOf(record) {
	case sender:
		parsed, err := parseSPF(record.Text())
		if err != nil {
			return "", fmt.Errorf("SPF at %s: %w", record.Name, err)
		}
		return v.checkSPF(ctx, record.Name, parsed)
	case exchanger:
		_, target, _ := strings.Cut(record.Value, " ")
		if target == "." {
			return "", nil
		}
		for _, kind := range []string{"A", "AAAA"} {
			records, err := v.records(ctx, target, kind)
			if err != nil || len(records) > 0 {
				return "", err
			}
		}
		return fmt.Sprintf("The exchanger %s has no address, so mail to %s cannot be delivered.",
			strings.TrimSuffix(target, "."), record.Name), nil
	}
	return "", nil
}
