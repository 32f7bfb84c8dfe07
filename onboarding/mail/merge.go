package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Merged is what to publish, given what others published.
type Merged struct {
	// Records are those of the pattern, each replaced by the published one if that was merged or
	// kept.
	Records []dns.Record
	// Notes are sentences about what was kept of others.
	Notes []string
}

// Existing returns the records of the first server that answered every question. It does not add
// up several servers, since one that lags behind would make two records of one.
func Existing(seen dns.State) []dns.Record {
	for _, server := range seen.Servers {
		var records []dns.Record
		usable := true
		for _, answer := range server.Answers {
			usable = usable && answer.Problem == ""
			if !answer.Wildcard { // it ends where a record of the name begins
				records = append(records, answer.Records...)
			}
		}
		if usable {
			return records
		}
	}
	return nil
}

// ConflictError reports that what somebody else published is in the way. The bot never overwrites
// it.
type ConflictError struct {
	What string // what is in the way, as a sentence
	Fix  string // what a person can do, as a sentence
}

// Error is both sentences.
func (e *ConflictError) Error() string { return e.What + " " + e.Fix }

// Zone is a domain and what resolves its names.
type Zone struct {
	Domain   string
	Resolver Resolver
}

// Merge merges the wanted records with the existing ones, which must hold the sets of
// [dns.Questions]. An SPF record of others gets our mechanisms and keeps its end. A valid DMARC
// record of others stays as it is, and so do other TXT records. Exchangers or keys of others, and
// records that are invalid, are a [*ConflictError]. Merging what was merged changes nothing.
func (z Zone) Merge(ctx context.Context, wanted, existing []dns.Record) (Merged, error) {
	var merged Merged
	for _, want := range wanted {
		record, note, err := z.mergeOne(want, wanted, existing)
		if err != nil {
			return Merged{}, err
		}
		merged.Records = append(merged.Records, record)
		if note != "" {
			merged.Notes = append(merged.Notes, note)
		}
	}
	v := newView(z.Resolver, merged.Records)
	for _, record := range spfRecords(merged.Records) {
		parsed, err := parseSPF(record.Text())
		if err != nil {
			return Merged{}, fmt.Errorf("SPF of %s: %w", z.Domain, err)
		}
		problem, err := v.checkSPF(ctx, record.Name, parsed)
		if err != nil {
			return Merged{}, err
		}
		if problem != "" {
			return Merged{}, &ConflictError{What: problem, Fix: "Remove from it what is no longer used, then retry."}
		}
	}
	return merged, nil
}

// mergeOne merges one of the wanted records.
func (z Zone) mergeOne(want dns.Record, wanted, existing []dns.Record) (record dns.Record, note string, err error) {
	set := ofSet(existing, dns.Question{Name: want.Name, Type: want.Type})
	switch purposeOf(want) {
	case exchanger:
		return want, "", checkExchangers(want.Name, set, wanted)
	case sender:
		return mergeSender(z.Domain, want, spfRecords(set))
	case policy:
		return mergePolicy(z.Domain, want, slices.DeleteFunc(set, func(r dns.Record) bool { return !isDMARC(r) }))
	case signer:
		record, err = mergeKey(want, set)
		return record, "", err
	}
	return want, "", nil
}

// foreign returns the exchangers of a set that are not wanted.
func foreign(name string, set, wanted []dns.Record) []string {
	var values []string
	for _, record := range set {
		if !slices.ContainsFunc(wanted, func(want dns.Record) bool {
			return want.Type == "MX" && want.Name == name && want.Value == record.Value
		}) {
			values = append(values, strings.TrimSuffix(record.Value, "."))
		}
	}
	return values
}

// checkExchangers refuses to move mail away from where it is delivered today.
func checkExchangers(name string, set, wanted []dns.Record) error {
	others := foreign(name, set, wanted)
	switch {
	case len(others) == 0:
		return nil
	case len(set) == 1 && strings.HasSuffix(set[0].Value, " ."): // RFC 7505
		return &ConflictError{What: fmt.Sprintf("%s says that it accepts no mail (MX %s).", name, set[0].Value),
			Fix: "Remove that record, or choose the mail plan none; then retry."}
	}
	return &ConflictError{
		What: fmt.Sprintf("Mail to %s is delivered elsewhere today: MX %s.", name, strings.Join(others, ", ")),
		Fix:  "Remove that record if mail is to move, or choose the mail plan none; then retry.",
	}
}

// mergeSender adds ours to the only SPF record of theirs.
func mergeSender(domain string, want dns.Record, theirs []dns.Record) (dns.Record, string, error) {
	if len(theirs) == 0 {
		return want, "", nil
	}
	if len(theirs) > 1 {
		return dns.Record{}, "", &ConflictError{
			What: fmt.Sprintf("%s has %d SPF records, so receivers ignore all of them (RFC 7208 §4.5).", domain,
				len(theirs)),
			Fix: "Merge them into one, then retry.",
		}
	}
	ours, err := parseSPF(want.Text())
	if err != nil {
		return dns.Record{}, "", fmt.Errorf("SPF of %s: %w", domain, err)
	}
	their, err := parseSPF(theirs[0].Text())
	if err != nil {
		return dns.Record{}, "", &ConflictError{
			What: fmt.Sprintf("The SPF record of %s has an error: %v.", domain, err),
			Fix:  "Correct it, then retry.",
		}
	}
	both, note, err := mergeSPF(their, ours)
	if err != nil {
		return dns.Record{}, "", &ConflictError{
			What: fmt.Sprintf("The SPF record of %s %v.", domain, err),
			Fix:  "Decide which is right, then retry.",
		}
	}
	if len(both.terms) == len(their.terms) {
		return theirs[0], note, nil
	}
	ttl := want.TTL
	if theirs[0].TTL > 0 {
		ttl = min(theirs[0].TTL, dns.MaxTTL)
	}
	record, err := dns.NewRecord(want.Name, "TXT", ttl, both.String())
	return record, note, err
}

// mergePolicy keeps a policy of theirs, stricter or not: only they know what else sends for the
// domain. A note says what the configuration has.
func mergePolicy(domain string, want dns.Record, theirs []dns.Record) (dns.Record, string, error) {
	switch {
	case len(theirs) == 0:
		return want, "", nil
	case len(theirs) > 1:
		return dns.Record{}, "", &ConflictError{
			What: fmt.Sprintf("%s has %d DMARC records, so receivers ignore all of them (RFC 7489 §6.6.3).", domain,
				len(theirs)),
			Fix: "Remove all but one, then retry.",
		}
	case theirs[0].Text() == want.Text():
		return theirs[0], "", nil
	}
	their, err := parseDMARC(theirs[0].Text())
	if err != nil {
		return dns.Record{}, "", &ConflictError{
			What: fmt.Sprintf("The DMARC record of %s has an error: %v.", domain, err),
			Fix:  "Correct or remove it, then retry.",
		}
	}
	ours, err := parseDMARC(want.Text())
	if err != nil {
		return dns.Record{}, "", fmt.Errorf("DMARC of %s: %w", domain, err)
	}
	note := fmt.Sprintf("The published DMARC record was kept. It has p=%s; the configuration says p=%s.",
		their.get("p"), ours.get("p"))
	if strictness(their.get("p")) < strictness(ours.get("p")) {
		note += " Tighten it once nothing else sends for the domain."
	}
	return theirs[0], note, nil
}

// mergeKey refuses to replace a key with which somebody else may be signing.
func mergeKey(want dns.Record, set []dns.Record) (dns.Record, error) {
	key, ok := publishedKey(want.Text())
	if !ok {
		return dns.Record{}, fmt.Errorf("DKIM at %s: %q is not a key to publish", want.Name, shorten(want.Text()))
	}
	for _, record := range set {
		if problem := key.matches(record.Text()); problem != "" {
			return dns.Record{}, &ConflictError{
				What: fmt.Sprintf("The record at %s %s.", want.Name, problem),
				Fix:  "Remove it if nobody signs with it, or configure another selector; then retry.",
			}
		}
	}
	if len(set) == 1 {
		return set[0], nil // the same key, perhaps written differently
	}
	return want, nil
}
