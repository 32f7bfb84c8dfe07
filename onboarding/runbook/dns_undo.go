package runbook

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
)

// observeUndo restores every record set that the run published to what it was before, unless it
// was changed since.
func (r *records) observeUndo(ctx context.Context, s *scope) (onboarding.Observation, error) {
	zone, sets := published(s)
	if r.byHand() {
		return onboarding.Observation{}, onboarding.Conflictf(
			"Restore the records of "+s.site.Domain+" where the zone is hosted.",
			"The bot no longer publishes in the zone %s.", zone)
	}
	questions := make([]dns.Question, len(sets))
	for i, set := range sets {
		questions[i] = dns.Question{Name: set.Name, Type: set.Type}
	}
	seen, err := r.publisher.Observe(ctx, zone, questions)
	if err != nil {
		return onboarding.Observation{}, err
	}
	update := &onboarding.ZoneUpdate{Zone: zone}
	for i, answer := range seen.Servers[0].Answers {
		if answer.Problem != "" {
			return onboarding.Observation{}, fmt.Errorf("%s %s: the name server %s", answer.Name, answer.Type,
				answer.Problem.Sentence())
		}
		now := values(answer.Records)
		switch {
		case slices.Equal(now, slices.Sorted(slices.Values(sets[i].Before))):
		case slices.Equal(now, slices.Sorted(slices.Values(sets[i].After))):
			update.Sets = append(update.Sets, onboarding.RecordsEdit{
				Name: sets[i].Name, Type: sets[i].Type, TTL: cmp.Or(sets[i].BeforeTTL, sets[i].TTL),
				BeforeTTL: ttl(answer.Records), Before: now, After: sets[i].Before,
			})
		default:
			return onboarding.Observation{}, onboarding.Conflictf("Check it and restore it by hand.",
				"%s %s was changed since the run, to %s.", answer.Name, answer.Type, strings.Join(now, ", "))
		}
	}
	if len(update.Sets) == 0 {
		return onboarding.Observation{}, nil
	}
	return onboarding.Observation{
		Change: onboarding.Change{
			Summary: fmt.Sprintf("Take back %d record sets in the zone %s", len(update.Sets), zone),
			Items:   []onboarding.Item{{DNS: update}},
		},
		Findings: r.reservations(),
	}, nil
}

// published returns the record sets that the run changed, from before its first change of each
// until after its last, and their zone.
func published(s *scope) (zone string, sets []onboarding.RecordsEdit) {
	for _, item := range applied(s.run, s.site.Domain, kindDNS) {
		if item.DNS == nil {
			continue
		}
		zone = item.DNS.Zone
		for _, set := range item.DNS.Sets {
			i := slices.IndexFunc(sets,
				func(s onboarding.RecordsEdit) bool { return s.Name == set.Name && s.Type == set.Type })
			if i < 0 {
				sets = append(sets, set)
			} else {
				sets[i].After = set.After
			}
		}
	}
	return zone, sets
}
