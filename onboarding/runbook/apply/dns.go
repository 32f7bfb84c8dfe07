package apply

import (
	"context"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
)

// dnsApplier publishes records.
type dnsApplier struct{ publisher dns.Publisher }

func (a dnsApplier) apply(ctx context.Context, update onboarding.ZoneUpdate, task Task) error {
	changes := make([]dns.Change, len(update.Sets))
	for i, set := range update.Sets {
		changes[i] = dns.Change{
			Question: dns.Question{Name: set.Name, Type: set.Type},
			Before:   records(set, set.Before),
			After:    records(set, set.After),
		}
		for line := range strings.Lines(changes[i].String()) {
			task.Log.Line(strings.TrimSuffix(line, "\n"))
		}
	}
	if confirm := task.Holder.Confirm; confirm != nil {
		if err := confirm(ctx); err != nil {
			return err
		}
	}
	if err := a.publisher.Publish(ctx, update.Zone, changes); err != nil {
		return err
	}
	task.Log.Line("published in the zone " + update.Zone)
	return nil
}

func records(set onboarding.RecordsEdit, values []string) []dns.Record {
	list := make([]dns.Record, len(values))
	for i, value := range values {
		list[i] = dns.Record{Name: set.Name, Type: set.Type, TTL: set.TTL, Value: value}
	}
	return list
}
