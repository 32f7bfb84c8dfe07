package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Merged is what to publish beside what others published.
type Merged struct {
	// Records are wanted as they are now: those that were merged or kept replace the pattern's.
	Records []dns.Record
	// Notes are sentences about what was kept of others.
	Notes []string
}

// Existing are the records of one server, the first that answered everything; the primary's where there is only that. Several servers
// are not added up, since one that lags behind would make two records of one.
func Existing(seen dns.State) []dns.Record {
	for _, server := range seen.Servers {
		var records []dns.Record
		usable := true
		for _, answer := range server.Answers {
			usable = usable && answer.Problem == ""
			records = append(records, answer.Records...)
		}
		if usable {
			return records
		}
	}
	return nil
}

// Merge fits the records wanted to those that exist, which must hold the sets of [dns.Questions]. Text of others stays. An SPF record is
// added to and keeps its end; a DMARC record that is valid stays as it is; exchangers of others, keys of others and records that
// cannot be understood are a [*ConflictError]. Merging what was merged changes nothing.
func Merge(ctx context.Context, resolver Resolver, domain string, wanted, existing []dns.Record) (Merged, error) {
	var merged Merged
	for _, want := range wanted {
		record, note, err := mergeOne(domain, want, wanted, existing)
		if err != nil {
			return Merged{}, err
		}
		merged.Records = append(merged.Records, record)
		if note != "" {
			merged.Notes = append(merged.Notes, note)
		}
	}
	v := &view{resolver: resolver, planned: merged.Records, seen: map[dns.Question][]dns.Record{}}
	for _, record := range spfRecords(merged.Records) {
		parsed, err := parseSPF(record.Text())
		if err != nil {
			return Merged{}, fmt.Errorf("SPF of %s: %w", domain, err)
		}
		problem, err := v.checkSPF(ctx, record.Name, parsed)
		if err != nil {
			return Merged{}, err
		}
		if problem != "" {
			return Merged{}, &ConflictError{What: problem, Fix: "Take out of it what is not used any more, then retry."}
		}
	}
	return merged, nil
}

func mergeOne(domain string, want dns.Record, wanted, existing []dns.Record) (record dns.Record, note string, err error) {
	set := ofSet(existing, dns.Question{Name: want.Name, Type: want.Type})
	switch purposeOf(want) {
	case exchanger:
		return want, "", checkExchangers(want.Name, set, wanted)
	case sender:
		return mergeSender(domain, want, spfRecords(set))
	case policy:
		return mergePolicy(domain, want, slices.DeleteFunc(set, func(r dns.Record) bool { return !strings.HasPrefix(strings.ToLower(r.Text()), "v=dmarc1") }))
	case signer:
		record, err = mergeKey(want, set)
		return record, "", err
	}
	return want, "", nil
}

// foreign are the exchangers of a set that are not wanted.
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

// checkExchangers refuses to take mail away from where it goes today.
func checkExchangers(name string, set, wanted []dns.Record) error {
	others := foreign(name, set, wanted)
	switch {
	case len(others) == 0:
		return nil
	case len(set) == 1 && strings.HasSuffix(set[0].Value, " ."): // RFC 7505
		return &ConflictError{What: fmt.Sprintf("%s says that it takes no mail (MX %s).", name, set[0].Value), Fix: "Remove that record, then retry."}
	}
	return &ConflictError{
		What: fmt.Sprintf("Mail to %s goes elsewhere today: MX %s.", name, strings.Join(others, ", ")),
		Fix:  "Remove that if mail is to move, or choose the mail plan none, then retry.",
	}
}

func mergeSender(domain string, want dns.Record, theirs []dns.Record) (dns.Record, string, error) {
	if len(theirs) == 0 {
		return want, "", nil
	}
	if len(theirs) > 1 {
		return dns.Record{}, "", &ConflictError{
			What: fmt.Sprintf("%s has %d SPF records, so that receivers take none of them (RFC 7208 §4.5).", domain, len(theirs)),
			Fix:  "Make them one, then retry.",
		}
	}
	ours, err := parseSPF(want.Text())
	if err != nil {
		return dns.Record{}, "", fmt.Errorf("SPF of %s: %w", domain, err)
	}
	their, err := parseSPF(theirs[0].Text())
	if err != nil {
		return dns.Record{}, "", &ConflictError{What: fmt.Sprintf("The SPF record of %s has an error: %v.", domain, err), Fix: "Correct it, then retry."}
	}
	both, note, err := mergeSPF(their, ours)
	if err != nil {
		return dns.Record{}, "", &ConflictError{What: fmt.Sprintf("The SPF record of %s %v.", domain, err), Fix: "Decide which is right, then retry."}
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

// mergePolicy keeps a policy of theirs, stricter or not: only they know what else sends in their name. What the pattern asks beyond is said.
func mergePolicy(domain string, want dns.Record, theirs []dns.Record) (dns.Record, string, error) {
	switch {
	case len(theirs) == 0:
		return want, "", nil
	case len(theirs) > 1:
		return dns.Record{}, "", &ConflictError{
			What: fmt.Sprintf("%s has %d DMARC records, so that receivers take none of them (RFC 7489 §6.6.3).", domain, len(theirs)),
			Fix:  "Leave one, then retry.",
		}
	case theirs[0].Text() == want.Text():
		return theirs[0], "", nil
	}
	their, err := parseDMARC(theirs[0].Text())
	if err != nil {
		return dns.Record{}, "", &ConflictError{What: fmt.Sprintf("The DMARC record of %s has an error: %v.", domain, err), Fix: "Correct or remove it, then retry."}
	}
	ours, err := parseDMARC(want.Text())
	if err != nil {
		return dns.Record{}, "", fmt.Errorf("DMARC of %s: %w", domain, err)
	}
	note := fmt.Sprintf("The DMARC record that was there stays, with p=%s; the pattern has p=%s.", their.get("p"), ours.get("p"))
	if strictness(their.get("p")) < strictness(ours.get("p")) {
		note += " Tighten it once nothing else sends for the domain."
	}
	return theirs[0], note, nil
}

// mergeKey refuses to replace a key under which somebody else may be signing.
func mergeKey(want dns.Record, set []dns.Record) (dns.Record, error) {
	key, ok := published(want.Text())
	if !ok {
		return dns.Record{}, fmt.Errorf("DKIM at %s: %q is no key to publish", want.Name, shorten(want.Text()))
	}
	for _, record := range set {
		if problem := key.matches(record.Text()); problem != "" {
			return dns.Record{}, &ConflictError{
				What: fmt.Sprintf("The record at %s %s.", want.Name, problem),
				Fix:  "Remove it if nobody signs with it, or configure another selector, then retry.",
			}
		}
	}
	if len(set) == 1 {
		return set[0], nil // the same key, written in another way perhaps
	}
	return want, nil
}
