package runbook

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
)

// wanted are the records that a site needs: both names at the VPS's addresses.
func (b *Runbook) wanted(s *site) ([]dns.Record, error) {
	var list []dns.Record
	for _, name := range s.names {
		for _, address := range s.addresses() {
			kind := "A"
			if address.Is6() {
				kind = "AAAA"
			}
			record, err := dns.NewRecord(name, kind, b.config.DNS.TTL, address.String())
			if err != nil {
				return nil, err
			}
			list = append(list, record)
		}
	}
	return list, nil
}

// questions are the sets wanted, and for a VPS without IPv6 whether there are AAAA records all the same: visitors, and the
// certificate authority first of all, would go there.
func questions(s *site, wanted []dns.Record) []dns.Question {
	list := dns.Questions(wanted)
	if !s.ipv6.IsValid() {
		for _, name := range s.names {
			list = append(list, dns.Question{Name: name, Type: "AAAA"})
		}
	}
	return list
}

// lookDNS asks the zone's own name servers, all of them, and where the bot publishes the primary too, whose word the update is
// measured against.
func (b *Runbook) lookDNS(ctx context.Context, v *view) (onboarding.Observation, error) {
	keys, missing, err := b.publicKeys(ctx, v.site, "")
	switch {
	case err != nil:
		return onboarding.Observation{}, err
	case len(missing) > 0 && v.early:
		return onboarding.Observation{Later: "The DKIM record is known once its key is made."}, nil
	case len(missing) > 0:
		return onboarding.Observation{}, conflict("Restore it, or cancel the run and begin another one.", "The key %s is gone from %s.", missing[0].Path, b.config.Mail.DKIM.Host)
	}
	addresses, err := b.wanted(v.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	pattern, err := b.mailPattern(v.site, keys)
	if err != nil {
		return onboarding.Observation{}, err
	}
	wanted := slices.Concat(addresses, pattern)
	zone, err := b.resolver.Zone(ctx, v.domain)
	if err != nil {
		if b.publisher != nil {
			return onboarding.Observation{}, err
		}
		return onboarding.Observation{Waiting: "No zone is found for " + v.domain + ": register it and delegate it to name servers.\n" + copyRecords(wanted), Again: b.config.DNS.Again}, nil
	}
	seen, measure, err := b.observe(ctx, v.site, zone, questions(v.site, wanted))
	if err != nil {
		return onboarding.Observation{}, err
	}
	if err := obstacle(v.site, seen, measure); err != nil {
		return onboarding.Observation{}, err
	}
	merged, err := b.mailRecords(ctx, v.site, pattern, measure)
	if err != nil {
		return onboarding.Observation{}, err
	}
	wanted = slices.Concat(addresses, merged.Records)
	var kept []onboarding.Finding
	for _, note := range merged.Notes {
		kept = append(kept, onboarding.Finding{Level: onboarding.Warning, Name: "mail of " + v.domain, Detail: note})
	}
	if b.publisher != nil {
		change, err := b.zoneUpdate(zone, wanted, measure)
		if err != nil || !change.Empty() {
			return onboarding.Observation{Change: change, Findings: kept}, err
		}
	}
	look := b.awaitDNS(v, wanted, dns.Compare(wanted, seen))
	look.Findings = append(look.Findings, kept...)
	return look, nil
}

// observe asks all servers of the zone and, where the bot publishes, the primary: what a change is measured against. Otherwise that
// is what all say.
func (b *Runbook) observe(ctx context.Context, s *site, zone string, questions []dns.Question) (seen, measure dns.State, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		seen, err = b.resolver.Observe(ctx, s.domain, questions)
		return err
	})
	if b.publisher != nil {
		group.Go(func() (err error) {
			measure, err = b.publisher.Observe(ctx, zone, questions)
			return err
		})
	}
	if err = group.Wait(); b.publisher == nil {
		measure = seen
	}
	return seen, measure, err
}

// obstacle finds what is in the way and is not the bot's to take away.
func obstacle(s *site, states ...dns.State) error {
	for _, state := range states {
		for _, server := range state.Servers {
			for _, answer := range server.Answers {
				if len(answer.Records) == 0 {
					continue
				}
				switch {
				case answer.Type == "CNAME":
					return conflict("Remove it, then retry.", "%s is an alias for %s: no other record can stand beside it.", answer.Name, answer.Records[0].Value)
				case answer.Type == "AAAA" && !s.ipv6.IsValid():
					return conflict("Remove it, or configure ipv6 of the host, then retry.",
						"%s has the AAAA record %s, but %s has no IPv6 address: visitors and the certificate authority would go elsewhere.",
						answer.Name, answer.Records[0].Value, s.hostName)
				}
			}
		}
	}
	return nil
}

// zoneUpdate is what the primary still needs, as one atomic update.
func (b *Runbook) zoneUpdate(zone string, wanted []dns.Record, primary dns.State) (onboarding.Change, error) {
	plan, err := dns.Plan(wanted, primary)
	if err != nil || len(plan) == 0 {
		return onboarding.Change{}, err
	}
	update := &onboarding.ZoneUpdate{Zone: zone}
	for _, change := range plan {
		set := onboarding.RecordsEdit{Name: change.Name, Type: change.Type, TTL: b.config.DNS.TTL, Before: values(change.Before), After: values(change.After)}
		if len(change.After) > 0 {
			set.TTL = change.After[0].TTL
		}
		set.BeforeTTL = ttl(change.Before)
		update.Sets = append(update.Sets, set)
	}
	return onboarding.Change{Summary: fmt.Sprintf("Publish %d record sets in the zone %s", len(update.Sets), zone), Items: []onboarding.Item{{DNS: update}}}, nil
}

// ttl is that of a set, which is one for all of it (RFC 2181 §5.2), or 0 for none.
func ttl(records []dns.Record) uint32 {
	if len(records) == 0 {
		return 0
	}
	return records[0].TTL
}

func values(records []dns.Record) []string {
	list := make([]string, len(records))
	for i, record := range records {
		list[i] = record.Value
	}
	return list
}

// awaitDNS is done when every one of the zone's name servers answers right, and until then says which do not yet.
func (b *Runbook) awaitDNS(v *view, wanted []dns.Record, findings []dns.Finding) onboarding.Observation {
	look := onboarding.Observation{}
	for _, finding := range findings {
		look.Findings = append(look.Findings, recordFinding(finding))
	}
	if dns.Settled(findings) {
		return look
	}
	look.Again = b.config.DNS.Again
	look.Waiting = "Waiting until all name servers of " + v.domain + " answer right."
	if b.publisher == nil {
		look.Waiting = copyRecords(wanted)
	}
	return look
}

// copyRecords is what somebody can paste where the zone is kept.
func copyRecords(wanted []dns.Record) string {
	lines := []string{"Make these records. No other address, mail exchanger or SPF record may stand beside them; other text stays:"}
	for _, record := range wanted {
		lines = append(lines, record.String())
	}
	return strings.Join(lines, "\n")
}

func recordFinding(f dns.Finding) onboarding.Finding {
	finding := onboarding.Finding{Level: onboarding.OK, Name: f.Name + " " + f.Type, Detail: f.Value}
	problem := map[dns.Status]string{
		dns.Missing: "not yet at ", dns.Wrong: "something else at ", dns.Extra: "to be removed, still at ", dns.Unknown: "no usable answer",
	}[f.Status]
	if problem != "" || len(f.Silent) > 0 {
		finding.Level = onboarding.Warning
	}
	finding.Detail += strings.TrimRight("; "+problem+strings.Join(f.Behind, ", "), "; ")
	if len(f.Silent) > 0 {
		finding.Detail += "; no usable answer from " + strings.Join(f.Silent, ", ")
	}
	return finding
}
