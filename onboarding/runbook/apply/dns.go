package apply

import (
	"context"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
)

// dnsApplier publishes records.
type dnsApplier struct{ publisher dns.Publisher }

func (a dnsApplier) apply(ctx context.Context, update onboarding.ZoneUpdate, log onboarding.Log) error {
	changes := make([]dns.Change, len(update.Sets))
	for i, set := range update.Sets {
		changes[i] = dns.Change{
			Question: dns.Question{Name: set.Name, Type: set.Type},
			Before:   records(set, set.Before),
			After:    records(set, set.After),
		}
		for line := range strings.Lines(changes[i].String()) {
			log.Line(strings.TrimSuffix(line, "\n"))
		}
	}
	if err := a.publisher.Publish(ctx, update.Zone, changes); err != nil {
		return err
	}
	log.Line("published in the zone " + update.Zone)
	return nil
}

func records(set onboarding.RecordsEdit, values []string) []dns.Record {
	list := make([]dns.Record, len(values))
	for i, value := range values {
		list[i] = dns.Record{Name: set.Name, Type: set.Type, TTL: set.TTL, Value: value}
	}
	return list
}
