package dns

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWildcardIsNotWhatItAnswers publishes names that only a wildcard answers for, beside names
// that exist with the wildcard's own values.
func TestWildcardIsNotWhatItAnswers(t *testing.T) {
	t.Parallel()
	const address = "203.0.113.10"
	for _, test := range []struct{ name, records, want string }{
		{"address", "* IN A 192.0.2.9", "+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
		{"several addresses", "* IN A 192.0.2.9\n* IN A 192.0.2.8", "+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
		{"the wanted address", "* IN A 203.0.113.10", "+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
		{"alias", "* IN CNAME parking.example.", "+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
		{"other types", "* IN AAAA 2001:db8::9\n* IN MX 10 mail\n* IN TXT \"v=spf1 -all\"",
			"+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
		{"beside the same address", "* 60 IN A 192.0.2.9\nwww 60 IN A 192.0.2.9",
			"- www.merche-biche.com. 60 IN A 192.0.2.9\n+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
		{"below the name too", "* IN A 192.0.2.9\nwww IN A 192.0.2.9\n*.www IN A 192.0.2.9",
			"- www.merche-biche.com. 60 IN A 192.0.2.9\n+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
		{"a name below exists", "* IN A 192.0.2.9\nold.www IN A 192.0.2.9",
			"+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
		{"only below the name", "*.www IN A 192.0.2.9", "+ www.merche-biche.com. 60 IN A 203.0.113.10\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			publisher, resolver := primary(t, test.records)
			wanted := []Record{record(t, "www."+zone, "A", address)}
			changes := plan(t, publisher, wanted)
			var shown string
			for _, change := range changes {
				shown += change.String()
			}
			if diff := cmp.Diff(test.want, shown); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if err := publisher.Publish(t.Context(), zone, changes); err != nil {
				t.Fatal(err)
			}
			if again := plan(t, publisher, wanted); len(again) != 0 {
				t.Errorf("left to do after publishing: %v", again)
			}
			state, err := resolver.Observe(t.Context(), zone, Questions(wanted))
			if err != nil {
				t.Fatal(err)
			}
			if findings := Compare(wanted, state); !Settled(findings) {
				t.Errorf("findings: %+v", findings)
			}
			// Taken back, the wildcard answers again, which is no record that was left behind.
			back := []Change{{Question: changes[0].Question, Before: changes[0].After}}
			if err := publisher.Publish(t.Context(), zone, back); err != nil {
				t.Errorf("taking it back: %v", err)
			}
		})
	}
}

// A name that is delegated is told as such, whether its servers are below it or elsewhere.
func TestDelegatedName(t *testing.T) {
	t.Parallel()
	for _, records := range []string{"www IN NS ns.other.example.", "www IN NS ns.www\nns.www IN A 192.0.2.53"} {
		publisher, _ := primary(t, records)
		question := []Question{{"www." + zone, "A"}, {zone, "A"}}
		for i, answer := range publisher.asker.askAll(t.Context(), publisher.server, zone, question) {
			if want := []Problem{Delegated, ""}[i]; answer.Problem != want {
				t.Errorf("%s: %s: %q", records, answer.Name, answer.Problem)
			}
		}
	}
}
