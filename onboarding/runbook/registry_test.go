package runbook_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	for provider, destructive := range map[string]bool{settings.Manual: false, settings.RFC2136: true} {
		config := nowhere(t)
		config.DNS.Provider = provider
		parts, err := runbook.Connect(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(parts.Close)
		book, err := runbook.New(parts, config)
		if err != nil {
			t.Fatal(err)
		}
		type keys = []onboarding.Key
		want := []onboarding.Definition{
			{Key: "preflight", Title: "Preflight"},
			{Key: "database", Title: "Database rows", Destructive: true, After: keys{"preflight"}},
			{Key: "isolation", Title: "Isolation from all others", After: keys{"database"}},
		}
		for _, domain := range []string{"a.com", "b.org"} {
			want = append(want,
				onboarding.Definition{Key: key("dns", domain), Title: "DNS of " + domain, Destructive: destructive,
					After: keys{"preflight"}},
				onboarding.Definition{Key: key("deploy-config", domain), Title: "Deploy config of " + domain,
					Destructive: true, After: keys{"preflight"}},
				onboarding.Definition{Key: key("deploy", domain), Title: "Deploy " + domain, Destructive: true,
					After: keys{"database", key("dns", domain), key("deploy-config", domain)}},
				onboarding.Definition{Key: key("certificate", domain), Title: "Certificate of " + domain,
					Destructive: true, After: keys{key("deploy", domain)}},
				onboarding.Definition{Key: key("sync", domain), Title: "Sync nginx conf of " + domain,
					Destructive: true, After: keys{key("certificate", domain)}},
				onboarding.Definition{Key: key("go-live", domain), Title: "Go live with " + domain, Destructive: true,
					After: keys{key("sync", domain), "isolation"}},
			)
		}
		want = append(want, onboarding.Definition{Key: "verify", Title: "Verify",
			After: keys{"database", "go-live/a.com", "go-live/b.org"}})
		got := book.Steps(merche("a.com", "b.org"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", provider, diff)
		}
		for _, step := range slices.Concat(got, book.RenewSteps(&onboarding.Run{Request: merche("a.com")})) {
			if step.Destructive && !slices.Contains(runbook.Kinds(), step.Key.Kind()) {
				t.Errorf("%s is approved, and no kind of step that is", step.Key)
			}
		}
	}
}
