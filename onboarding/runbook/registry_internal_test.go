package runbook

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// TestRegistry checks what every entry must have, so a new step that lacks something fails here.
func TestRegistry(t *testing.T) {
	t.Parallel()
	all := newRegistry(steps(new(components)))
	for _, step := range slices.Concat(all.forward, all.undo) {
		if step.Kind == "" || step.Title == "" || step.Observe == nil {
			t.Errorf("%q lacks its kind, its title or what observes it: %+v", step.Kind, step)
		}
		if step.Destructive != (step.Allows != nil) || step.Destructive != (step.Why != "") {
			t.Errorf("%s: a destructive step, and only that, says what it allows and why somebody is asked", step.Kind)
		}
		for _, kind := range step.After {
			if all.find(kind) == nil {
				t.Errorf("%s comes after %s, which is no step", step.Kind, kind)
			}
		}
	}
	kinds := Kinds()
	reasons := Reasons()
	if sorted := slices.Sorted(slices.Values(kinds)); len(slices.Compact(sorted)) != len(kinds) ||
		len(reasons) != len(kinds) {
		t.Errorf("kinds repeat, or one has no reason: %v, %v", kinds, reasons)
	}
	want := []onboarding.Kind{"undo-deploy", "undo-certificate", "undo-deploy-config", "undo-dns", "undo-mail",
		"undo-mail-key", "undo-database"}
	if diff := cmp.Diff(want, kinds[len(kinds)-len(want):]); diff != "" {
		t.Errorf("the order of an undo (-want +got)\n%s", diff)
	}
}

// weakPublisher is automatic and guarantees nothing else.
type weakPublisher struct{ dns.Manual }

func (weakPublisher) Guarantees() dns.Guarantees { return dns.Guarantees{Automatic: true} }

// TestReservations checks that an approver reads what a DNS provider does not guarantee.
func TestReservations(t *testing.T) {
	t.Parallel()
	record, err := dns.NewRecord("merche-biche.com", "A", 60, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	question := dns.Question{Name: record.Name, Type: record.Type}
	alias := dns.Question{Name: record.Name, Type: "CNAME"}
	state := zoneState{
		zone: "merche-biche.com", wanted: []dns.Record{record},
		primary: dns.State{Servers: []dns.Server{{Answers: []dns.Answer{{Question: question}, {Question: alias}}}}},
	}
	for _, test := range []struct {
		publisher dns.Publisher
		want      int
	}{{weakPublisher{}, 2}, {new(dns.RFC2136), 0}} {
		seen, err := (&records{publisher: test.publisher}).judge(&site.Site{Domain: record.Name}, state)
		if err != nil || seen.Change.Empty() {
			t.Fatalf("no change: %+v, %v", seen, err)
		}
		if len(seen.Findings) != test.want {
			t.Errorf("%T: %d reservations instead of %d: %+v", test.publisher, len(seen.Findings), test.want,
				seen.Findings)
		}
	}
	if err := (dns.Manual{}).Publish(context.Background(), "merche-biche.com", nil); err != dns.ErrManual {
		t.Errorf("by hand: %v", err)
	}
}
