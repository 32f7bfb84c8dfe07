package workspace_test

import (
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestMessageEvents: what people write reaches the app where it is a member, as the events that
// it subscribed to.
func TestMessageEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) {
		c.App.Name = "onboard"
		c.App.Events = []string{"app_mention", "message.groups", "message.im"}
	})
	got := make(chan slackevents.EventsAPIInnerEvent, 10)
	r.app(t, func(c *socketmode.Client, e socketmode.Event) {
		_ = c.Ack(*e.Request)
		if data, ok := e.Data.(slackevents.EventsAPIEvent); ok {
			got <- data.InnerEvent
		}
	})
	ctx := soon(t)
	ana := workspace.As(r, workspace.Ana)
	for _, c := range []struct{ channel, text, want string }{
		{"ops", "not subscribed to", ""},
		{"general", "the app is not here", ""},
		{"ops", "hello @onboard & all", "app_mention <@U0BOT> &amp; all"},
		{"board", "in private", "message in private"},
		{"", "hi", "message hi"},
	} {
		if _, err := ana.Type(ctx, c.channel, c.text); err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			continue
		}
		var e slackevents.EventsAPIInnerEvent
		select {
		case e = <-got:
		case <-ctx.Done():
			t.Fatalf("%q reached nobody", c.text)
		}
		kind, want, _ := strings.Cut(c.want, " ")
		text := ""
		switch data := e.Data.(type) {
		case *slackevents.AppMentionEvent:
			text = data.Text
		case *slackevents.MessageEvent:
			text = data.Text
		}
		if e.Type != kind || !strings.HasSuffix(text, want) {
			t.Errorf("%q came as %s %q", c.text, e.Type, text)
		}
	}
	if _, err := ana.Reply(ctx, "ops", "1.1", "x"); err == nil {
		t.Error("a thread that is not there took a reply")
	}
}

// TestPressInEphemeral: an ephemeral message changes only through the response_url of a press in
// it.
func TestPressInEphemeral(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	got := make(chan slack.InteractionCallback, 1)
	r.app(t, func(c *socketmode.Client, e socketmode.Event) {
		_ = c.Ack(*e.Request)
		if in, ok := e.Data.(slack.InteractionCallback); ok {
			got <- in
		}
	})
	ctx := soon(t)
	button := slack.NewButtonBlockElement("sure", "1", plain("Sure")).
		WithConfirm(slack.NewConfirmationBlockObject(plain("Really?"), mrkdwn("x"), plain("Yes"), nil))
	_, err := r.api.PostEphemeral(workspace.OpsChannel, workspace.Ana,
		slack.MsgOptionText("sure?", false), slack.MsgOptionBlocks(slack.NewActionBlock("a", button)))
	if err != nil {
		t.Fatal(err)
	}
	ana := workspace.As(r, workspace.Ana)
	m, err := ana.WaitText(ctx, "ops", "[Sure]")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := workspace.As(r, workspace.Bo).Press(ctx, m, "Sure"); err == nil {
		t.Error("Bo pressed what only Ana sees")
	}
	if out, err := ana.PressAndDecline(ctx, m, "Sure"); err != nil || out.Confirm.Deny != "Cancel" || len(got) != 0 {
		t.Errorf("declined: %+v, %v, %d sent", out, err, len(got))
	}
	if _, err := ana.Press(ctx, m, "Sure"); err != nil {
		t.Fatal(err)
	}
	in := <-got
	if !in.Container.IsEphemeral || in.Message.Timestamp != "" || in.Channel.ID != workspace.OpsChannel ||
		in.User.TeamID != workspace.SampleTeam {
		t.Errorf("%+v", in)
	}
	replace := slack.MsgOptionReplaceOriginal(in.ResponseURL)
	if _, _, err := r.api.PostMessage("", replace, slack.MsgOptionText("done", false)); err != nil {
		t.Error(err)
	}
	said, err := ana.Read(ctx, "ops")
	if err != nil || len(said) != 1 || said[0].Text != "done" || len(said[0].Blocks) != 0 || !said[0].Ephemeral {
		t.Errorf("%+v, %v", said, err)
	}
}

// TestInvited: a private channel is there for the app only while its bot is in it.
func TestInvited(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := soon(t)
	ana := workspace.As(r, workspace.Ana)
	post := func() error {
		_, _, err := r.api.PostMessage(workspace.SecretChannel, slack.MsgOptionText("x", false))
		return err
	}
	if err := ana.Invite(ctx, "secret"); err != nil || post() != nil {
		t.Error("invited, but it cannot post", err)
	}
	if err := ana.Remove(ctx, "secret"); err != nil {
		t.Error(err)
	}
	if err := post(); err == nil || err.Error() != "channel_not_found" {
		t.Errorf("removed: %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.Team.ID = "atlilith"
	cfg.App.BotToken = "secret"
	cfg.App.Commands = []workspace.Command{{Name: "onboard"}}
	cfg.Channels = append(cfg.Channels, workspace.Channel{ID: workspace.OpsChannel, Members: []string{"U9"}})
	_, err := workspace.New(cfg)
	want := `workspace: team.id: "atlilith" is not an id that begins with T
app.bot_token: must begin with xoxb-
app.commands[0].name: "onboard" is not a slash command of at most 32 characters
channels[5].id: "C0OPS" is used twice
channels[5].members: no user "U9"`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestCommandIsShownAsTyped has an app show a command to everybody: nothing in it becomes a link.
func TestCommandIsShownAsTyped(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	conn := r.dial(t)
	seen := typing(t, r, "/onboard freeze <a> & @bo")
	ack(t, conn, next(t, conn)["envelope_id"], `{"response_type":"in_channel","text":"frozen"}`)
	<-seen
	said, err := workspace.As(r, workspace.Bo).Read(soon(t), "ops")
	if err != nil {
		t.Fatal(err)
	}
	if len(said) != 2 || said[0].Text != "/onboard freeze &lt;a&gt; &amp; <@"+workspace.Bo+">" {
		t.Errorf("everybody reads %+v", said)
	}
}
