package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

const kindDNS onboarding.Kind = "dns"

// dnsStep publishes the records of a domain, or waits until people have made them.
func dnsStep(c *components) Step {
	r := &records{config: c.config.DNS, publisher: c.publisher, resolver: c.Resolver, mail: c.mail}
	return Step{
		Kind: kindDNS, Title: "DNS of", PerDomain: true, Destructive: true,
		Why: "The names have to point at the VPS before anything can be served.",
		// the mailbox exists before mail is sent to it
		After:   []onboarding.Kind{kindPreflight, kindMailKey, kindMail},
		ByHand:  r.byHand,
		Observe: r.observe,
		Allows:  allowance{dns: r.allows}.allows,
		Undo: &Step{
			Title:   "Take back the DNS of",
			Why:     "The records become what they were before the run.",
			Observe: r.observeUndo,
			Allows:  allowance{dns: r.allows}.allows,
		},
	}
}

type records struct {
	config    settings.DNS
	publisher dns.Publisher
	resolver  *dns.Resolver
	mail      *siteMail
}

func (r *records) byHand() bool { return !r.publisher.Guarantees().Automatic }

func (r *records) allows(s *scope, update onboarding.ZoneUpdate) error {
	if r.byHand() {
		return errors.New("records are made by hand here")
	}
	return ownRecords(s, update)
}

// wanted are the address records of a site: both names at the VPS's addresses.
func (r *records) wanted(s *site.Site) ([]dns.Record, error) {
	var list []dns.Record
	for _, at := range s.Endpoints() {
		kind := "A"
		if at.Address.Is6() {
			kind = "AAAA"
		}
		record, err := dns.NewRecord(at.Name, kind, r.config.TTL, at.Address.String())
		if err != nil {
			return nil, err
		}
		list = append(list, record)
	}
	return list, nil
}

// questions are the sets wanted and, for a VPS without IPv6, whether there are AAAA records all
// the same: visitors, and first of all the certificate authority, would go there.
func questions(s *site.Site, wanted []dns.Record) []dns.Question {
	list := dns.Questions(wanted)
	if !s.IPv6.IsValid() {
		for _, name := range s.Names {
			list = append(list, dns.Question{Name: name, Type: "AAAA"})
		}
	}
	return list
}

// observe asks all of the zone's own name servers. Where the bot publishes it also asks the
// publisher, because an update is conditional on what the publisher sees.
func (r *records) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	keys, missing, err := r.mail.publicKeys(ctx, s.site)
	switch {
	case err != nil:
		return onboarding.Observation{}, err
	case len(missing) > 0 && s.forPlan:
		return onboarding.Observation{Later: "The DKIM record is known once its key is made."}, nil
	case len(missing) > 0:
		return onboarding.Observation{}, onboarding.Conflictf("Restore it, or cancel the run and begin another one.",
			"The key %s no longer exists on %s.", missing[0].Path, r.mail.config.DKIM.Host)
	}
	addresses, err := r.wanted(s.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	pattern, err := r.mail.pattern(s.site, keys)
	if err != nil {
		return onboarding.Observation{}, err
	}
	wanted := slices.Concat(addresses, pattern)
	zone, err := r.resolver.Zone(ctx, s.site.Domain)
	if err != nil {
		if !r.byHand() {
			return onboarding.Observation{}, err
		}
		waiting := "No zone is found for " + s.site.Domain + ": register it and delegate it to name servers.\n"
		return onboarding.Observation{Again: r.config.Again, Waiting: waiting + copyRecords(wanted)}, nil
	}
	seen, primary, err := r.states(ctx, s.site, zone, questions(s.site, wanted))
	if err != nil {
		return onboarding.Observation{}, err
	}
	if err := obstacle(s.site, seen, primary); err != nil {
		return onboarding.Observation{}, err
	}
	merged, err := r.mail.records(ctx, s.site, pattern, primary)
	if err != nil {
		return onboarding.Observation{}, err
	}
	return r.judge(s.site, zoneState{
		zone: zone, wanted: slices.Concat(addresses,
			merged.Records), seen: seen, primary: primary, notes: merged.Notes,
	})
}

// states asks all servers of the zone and, where the bot publishes, the publisher. By hand, the
// second state is the first.
func (r *records) states(
	ctx context.Context, s *site.Site, zone string, questions []dns.Question,
) (seen, primary dns.State, err error) {
	group, ctx := routine.WithContext(ctx)
	group.Go(func() (err error) {
		seen, err = r.resolver.Observe(ctx, s.Domain, questions)
		return err
	})
	if !r.byHand() {
		group.Go(func() (err error) {
			primary, err = r.publisher.Observe(ctx, zone, questions)
			return err
		})
	}
	if err = group.Wait(); r.byHand() {
		primary = seen
	}
	return seen, primary, err
}

// obstacle returns a conflict if a record is in the way that the bot must not remove.
func obstacle(s *site.Site, states ...dns.State) error {
	for _, state := range states {
		for _, server := range state.Servers {
			for _, answer := range server.Answers {
				if len(answer.Records) == 0 || answer.Wildcard {
					continue
				}
				switch {
				case answer.Type == "CNAME":
					return onboarding.Conflictf("Remove it, then retry.",
						"%s is an alias for %s: no other record can stand beside it.", answer.Name,
						answer.Records[0].Value)
				case answer.Type == "AAAA" && !s.IPv6.IsValid():
					return onboarding.Conflictf("Remove it, or configure ipv6 of the host, then retry.",
						"%s has the AAAA record %s, but %s has no IPv6 address: visitors and the certificate "+
							"authority would go elsewhere.",
						answer.Name, answer.Records[0].Value, s.HostName)
				}
			}
		}
	}
	return nil
}

// zoneUpdate returns what the publisher still has to change, as one update.
func (r *records) zoneUpdate(zone string, wanted []dns.Record, primary dns.State) (onboarding.Change, error) {
	plan, err := dns.Plan(wanted, primary)
	if err != nil || len(plan) == 0 {
		return onboarding.Change{}, err
	}
	update := &onboarding.ZoneUpdate{Zone: zone}
	for _, change := range plan {
		set := onboarding.RecordsEdit{
			Name: change.Name, Type: change.Type, TTL: r.config.TTL, BeforeTTL: ttl(change.Before),
			Before: values(change.Before), After: values(change.After),
		}
		if len(change.After) > 0 {
			set.TTL = change.After[0].TTL
		}
		update.Sets = append(update.Sets, set)
	}
	return onboarding.Change{
		Summary: fmt.Sprintf("Publish %d record sets in the zone %s", len(update.Sets), zone),
		Items:   []onboarding.Item{{DNS: update}},
	}, nil
}

// ttl is that of a set, which has one for all of its records (RFC 2181 §5.2), or 0 for an empty
// set.
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
