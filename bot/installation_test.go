package bot_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
)

func TestInstallation(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	w := newWorld(t, cfg)
	got, err := w.workspace().Installation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.ClockOffset.Abs() > got.ClockError || got.ClockError < 500*time.Millisecond ||
		got.ClockError > 5*time.Second {
		t.Errorf("the clock is %s ahead within %s, and it is the same", got.ClockOffset, got.ClockError)
	}
	got.ClockOffset, got.ClockError = 0, 0
	want := bot.Installation{
		Identity: bot.Identity{
			Team: workspace.SampleTeam,
			User: workspace.SampleBot,
			Bot:  "B0BOT",
			URL:  "https://atlilith.slack.com/",
		},
		TeamName: "Atlilith",
		Handle:   "onboard",
		Scopes:   slices.Sorted(slices.Values(cfg.App.Scopes)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wrong := func(c *bot.Config) {
		c.BotToken, c.AppToken = secret.New("xoxb-other"), secret.New("xapp-other")
	}
	if _, err := w.workspace(wrong).Installation(t.Context()); !errors.Is(err, webapi.ErrRevoked) {
		t.Errorf("with another token: %v", err)
	}
	if err := w.workspace().CheckSocketMode(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.workspace(wrong).CheckSocketMode(t.Context()); !errors.Is(err, webapi.ErrRevoked) {
		t.Errorf("with another token: %v", err)
	}
}

func TestChannelInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample()).workspace()
	for id, want := range map[string]bot.ChannelInfo{
		workspace.OpsChannel:     {Name: "ops", Member: true},
		workspace.GeneralChannel: {Name: "general"},
		workspace.BoardChannel:   {Name: "board", Member: true},
		workspace.ArchiveChannel: {Name: "archive", Member: true, Archived: true},
	} {
		if got, err := w.ChannelInfo(t.Context(), id); err != nil || got != want {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	for _, id := range []string{workspace.SecretChannel, "C0NONE"} {
		if _, err := w.ChannelInfo(t.Context(), id); !errors.Is(err, bot.ErrUnknownChannel) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	ws := w.workspace()
	const (
		section = `{"type":"section","text":{"type":"mrkdwn","text":"<&>"}}`
		wrong   = `{"type":"section","text":{"type":"html","text":"x"}}`
		alert   = `{"type":"alert","text":{"type":"mrkdwn","text":"x"}}`
		refused = "slack would refuse this: "
		schemas = refused + "/view: failed to match all allowed schemas; "
	)
	modal := func(block string) string {
		return `{"type":"modal","title":{"type":"plain_text","text":"x"},"blocks":[` + block + `]}`
	}
	home := func(block string) string { return `{"type":"home","blocks":[` + block + `]}` }
	for _, c := range []struct {
		surface blockkit.Surface
		content string
		refused string
	}{
		{blockkit.InMessage, "[" + section + "]", ""},
		{blockkit.InModal, modal(section), ""},
		{blockkit.InHome, home(section), ""},
		{blockkit.InMessage, "[" + wrong + "]", refused + "/blocks/0/text/type: must be a valid enum value"},
		{blockkit.InModal, modal(wrong), schemas + "/view/blocks/0/text/type: must be a valid enum value"},
		{blockkit.InHome, home(alert), schemas + "/view/blocks/0/type: unsupported type: alert"},
		{blockkit.InMessage, "nonsense",
			"blocks.validate: invalid_arguments: [\"`message` is not valid JSON of its kind\"]"},
	} {
		err := ws.Validate(t.Context(), c.surface, []byte(c.content))
		if err == nil && c.refused == "" {
			continue
		}
		if err == nil || err.Error() != c.refused {
			t.Errorf("%s %s: %v", c.surface, c.content, err)
		}
	}
	// Throttled, it waits as long as it is told to, and then has its answer; lost calls are made
	// again.
	for _, fault := range []workspace.Fault{
		{Kind: workspace.FaultRateLimit, RetryAfter: 3 * time.Second},
		{Kind: workspace.FaultCut},
		{Kind: workspace.FaultStatus, Status: 503},
	} {
		fault.Method = "blocks.validate"
		if err := w.Slack.Order(t.Context(), fault); err != nil {
			t.Fatal(err)
		}
		if err := ws.Validate(t.Context(), blockkit.InMessage, []byte("["+section+"]")); err != nil {
			t.Errorf("after %s: %v", fault.Kind, err)
		}
	}
}
