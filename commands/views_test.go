package commands_test

import (
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// TestAWorkspaceThatRefusesBlocksInViews has a form with an alert, and a change in rich text.
func TestAWorkspaceThatRefusesBlocksInViews(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(slack *workspace.Config, _ *onboarding.Policy, _ *access.Config) {
		slack.UnsupportedBlocks = []string{"alert", "rich_text"}
	})
	for range 2 { // the second time, the refusal is remembered
		form := r.open(r.ana, "merche-biche email=nobody")
		seen, err := form.Read(r.ctx())
		must(t, err)
		if text := seen.Render(200, nil); !strings.Contains(text, "nobody") || !strings.Contains(text, "⚠️") {
			t.Errorf("the form does not say what is wrong:\n%s", text)
		}
	}
	refused := 0
	events, err := r.Transcript(r.t.Context(), 0)
	must(t, err)
	for _, event := range events {
		if event.Kind == workspace.KindAPI && event.Name == "views.open" && event.Error != "" {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d views were refused", refused)
	}
}

func TestOnlyALateFormIsCalledLate(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	for _, c := range []struct{ code, want string }{
		{"expired_trigger_id", "Slack did not open the form in time"},
		{"exchanged_trigger_id", "Slack did not open the form in time"},
		{"view_too_large", "Something went wrong in the bot"},
		{"duplicate_external_id", "Something went wrong in the bot"},
		{"invalid_arguments", "Something went wrong in the bot"},
	} {
		must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultError, Method: "views.open", Error: c.code,
			Times: 1}))
		if answer := r.say(r.ana, "ops", "merche-biche"); !strings.Contains(answer, c.want) {
			t.Errorf("%s: %s", c.code, answer)
		}
	}
	late := newFixture(t, func(slack *workspace.Config, _ *onboarding.Policy, _ *access.Config) {
		slack.Timing.Trigger = time.Nanosecond
	})
	if answer := late.say(late.ana, "ops", "merche-biche"); !strings.Contains(answer, "did not open the form in time") {
		t.Errorf("a trigger that expired: %s", answer)
	}
}
