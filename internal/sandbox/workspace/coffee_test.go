package workspace_test

import (
	"net/http/httptest"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestOrderCoffee is a whole conversation: a command opens a form, the form is corrected and
// posts a message, and a second person presses a button in it. It plays in process and over the
// control API.
func TestOrderCoffee(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{false, true} {
		t.Run(map[bool]string{false: "in process", true: "over HTTP"}[remote], func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.app(t, r.coffee(t))
			var client workspace.Client = r.Workspace
			if remote {
				srv := httptest.NewServer(r.Control())
				t.Cleanup(srv.Close)
				d, err := workspace.Dial(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				client = d
			}
			ctx := soon(t)
			ana, bo := workspace.As(client, workspace.Ana), workspace.As(client, workspace.Bo)
			if out, err := ana.Type(ctx, "ops", "/onboard coffee"); err != nil || out.Error != "" {
				t.Fatal(out, err)
			}
			form, err := ana.Modal(ctx)
			if err != nil {
				t.Fatal(err)
			}
			out, err := form.Submit(ctx)
			if err != nil || out.Errors["who"] != "Please complete this required field." {
				t.Fatalf("an empty form: %+v, %v", out, err)
			}
			if _, err := form.Fill(ctx, "For whom?", "nobody"); err != nil {
				t.Fatal(err)
			}
			if _, err := form.Choose(ctx, "Size", "Large"); err != nil {
				t.Fatal(err)
			}
			if out, err = form.Submit(ctx); err != nil || out.Errors["who"] != "Nobody drinks no coffee." {
				t.Fatalf("a refused form: %+v, %v", out, err)
			}
			if _, err := form.Fill(ctx, "For whom?", "Bo"); err != nil {
				t.Fatal(err)
			}
			if out, err = form.Submit(ctx); err != nil || !out.Closed {
				t.Fatalf("a good form: %+v, %v", out, err)
			}
			m, err := bo.WaitText(ctx, "ops", "A Large coffee for Bo")
			if err != nil {
				t.Fatal(err)
			}
			pressed, err := bo.Press(ctx, m, "Drink")
			if err != nil || pressed.Error != "" || pressed.Confirm == nil || pressed.Confirm.Title != "Sure?" {
				t.Fatalf("pressing: %+v, %v", pressed, err)
			}
			if _, err := bo.WaitText(ctx, "ops", "Drunk by @Bo Lindqvist"); err != nil {
				t.Fatal(err)
			}
			r.noTrouble(t)
		})
	}
}

// coffee is a small app: /onboard coffee, a form with two fields, a message with a button.
func (r *rig) coffee(t *testing.T) func(*socketmode.Client, socketmode.Event) {
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	return func(c *socketmode.Client, e socketmode.Event) {
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			check(c.Ack(*e.Request))
			size := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain("Pick one"), "size",
				slack.NewOptionBlockObject("s", plain("Small"), nil),
				slack.NewOptionBlockObject("l", plain("Large"), nil))
			who := slack.NewPlainTextInputBlockElement(nil, "who")
			_, err := r.api.OpenView(data.TriggerID, slack.ModalViewRequest{
				Type: slack.VTModal, Title: plain("Coffee"), Submit: plain("Order"),
				PrivateMetadata: data.ChannelID, Blocks: slack.Blocks{BlockSet: []slack.Block{
					slack.NewInputBlock("who", plain("For whom?"), nil, who),
					slack.NewInputBlock("size", plain("Size"), nil, size)}}})
			check(err)
		case slack.InteractionCallback:
			if data.Type == slack.InteractionTypeViewSubmission {
				v := data.View.State.Values
				if v["who"]["who"].Value == "nobody" {
					problems := map[string]string{"who": "Nobody drinks no coffee."}
					check(c.Ack(*e.Request, slack.NewErrorsViewSubmissionResponse(problems)))
					return
				}
				check(c.Ack(*e.Request))
				confirm := slack.NewConfirmationBlockObject(
					plain("Sure?"), mrkdwn("It is *hot*."), plain("Yes"), plain("No"))
				button := slack.NewButtonBlockElement("drink", "42", plain("Drink")).
					WithStyle(slack.StylePrimary).WithConfirm(confirm)
				text := "A " + v["size"]["size"].SelectedOption.Text.Text + " coffee for " + v["who"]["who"].Value
				_, _, err := r.api.PostMessage(data.View.PrivateMetadata, slack.MsgOptionText(text, false),
					slack.MsgOptionBlocks(
						slack.NewSectionBlock(mrkdwn(text), nil, nil), slack.NewActionBlock("act", button)))
				check(err)
				return
			}
			check(c.Ack(*e.Request))
			text := slack.MsgOptionText("Drunk by <@"+data.User.ID+">", false)
			_, _, _, err := r.api.UpdateMessage(data.Channel.ID, data.Message.Timestamp, text)
			check(err)
		}
	}
}
