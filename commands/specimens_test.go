package commands

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
	"github.com/atlilith/onboardbot/onboarding"
)

// TestReplies writes the answers that only the person who asked sees.
func TestReplies(t *testing.T) {
	t.Parallel()
	desk := &Handlers{Projector: &Projector{config: Config{Command: "/onboard"}}}
	plan := &onboarding.Plan{Request: merche(), Steps: []onboarding.Planned{
		{Definition: onboarding.Definition{Key: "preflight", Title: "Preflight"}, Done: true, Findings: preflightFindings()},
		{Definition: onboarding.Definition{Key: "database", Title: "Database rows", Destructive: true}, Change: insertRows()},
		{Definition: onboarding.Definition{Key: "deploy/merche-biche.com", Title: "Deploy merche-biche.com", Destructive: true}, Change: deploy()},
	}}
	planned, _ := planSheet(plan)
	var confirm sheet
	confirm.say("Cancel?")
	confirm.buttons("cancel", blockkit.Button(actionCancel, uuid.Nil.String(), "Cancel run", slack.StyleDanger), blockkit.Button(actionKeep, uuid.Nil.String(), "Keep it", ""))
	for name, reply := range map[string]bot.Reply{
		"help": desk.help(), "plan": planned.reply(), "status": storyScribe.status(stories["certbot failed"]().View).reply(), "cancel": confirm.reply(),
	} {
		checkMessages(t, []outbox.Message{{Key: name, Text: reply.Text, Blocks: reply.Blocks}})
		golden(t, filepath.Join("testdata", "reply", name+".json"), indented(reply.Blocks))
	}
}

// TestSpecimens sees that each golden file is stood for, that none says more than one of its kind, and that Slack shows them.
func TestSpecimens(t *testing.T) {
	t.Parallel()
	all, err := everything()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := Specimens()
	if err != nil {
		t.Fatal(err)
	}
	// Slack takes some hundred calls a minute, and whoever checks a deployment waits for them.
	if len(chosen) < 20 || len(chosen) > 80 || len(chosen) >= len(all) {
		t.Errorf("%d of %d are chosen", len(chosen), len(all))
	}
	for _, kind := range []string{"home/", "reply/", "thread/", "view/"} {
		if !slices.ContainsFunc(chosen, func(s Specimen) bool { return strings.HasPrefix(s.Name, kind) }) {
			t.Errorf("no specimen of %s", kind)
		}
	}
	if !slices.ContainsFunc(chosen, func(s Specimen) bool { return s.Plan }) || !slices.ContainsFunc(chosen, func(s Specimen) bool { return strings.HasSuffix(s.Name, ".fallback") && !s.Plan }) {
		t.Error("no plan, or no fallback of one")
	}
	for _, s := range chosen {
		var problems []blockcheck.Problem
		var err error
		switch s.Surface {
		case blockkit.InMessage:
			_, problems, err = blockcheck.Blocks(s.JSON, blockcheck.Options{})
		case blockkit.InModal:
			_, problems, err = blockcheck.View(s.JSON, blockcheck.Modal, blockcheck.Options{})
		case blockkit.InHome:
			_, problems, err = blockcheck.View(s.JSON, blockcheck.Home, blockcheck.Options{})
		}
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v", s.Name, err, problems)
		}
	}
}
