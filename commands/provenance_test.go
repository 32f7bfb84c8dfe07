package commands_test

import (
	"bytes"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// thief is somebody who holds the bot's token and nothing else.
func (r *botFixture) thief() *slack.Client {
	r.t.Helper()
	server := httptest.NewServer(r.Handler())
	r.t.Cleanup(server.Close)
	return slack.New(workspace.SampleBotToken, slack.OptionAPIURL(server.URL+"/api/"))
}

// noVotes fails if a vote was counted.
func (r *botFixture) noVotes(slug string) *onboarding.Approval {
	r.t.Helper()
	approval := r.run(slug).Approvals[0]
	if approval.State != onboarding.ApprovalOpen || len(approval.Votes) != 0 {
		r.t.Fatalf("the approval is %s with %d votes", approval.State, len(approval.Votes))
	}
	return approval
}

// forgeries returns what the audit trail says about presses that did not count.
func (r *botFixture) forgeries(slug string) []string {
	r.t.Helper()
	var texts []string
	for _, event := range r.run(slug).Events {
		if event.Kind == onboarding.EventForged {
			texts = append(texts, event.Actor.ID+": "+event.Text)
		}
	}
	return texts
}

// questionKey is the key of the message that asks for a run's first approval.
func (r *botFixture) questionKey(slug string) string {
	r.t.Helper()
	return render.ApprovalKey(r.run(slug).Approvals[0])
}

func pizza(approval *onboarding.Approval) []slack.Block {
	return []slack.Block{blockkit.Section("Pizza?"), slack.NewActionBlock("approval",
		blockkit.Button(render.ActionApprove, approval.ID.String(), "Approve", slack.StylePrimary))}
}

func TestAForgedMessageDoesNotApprove(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	approval := r.noVotes("merche-biche")
	_, _, err := r.thief().PostMessageContext(t.Context(), workspace.OpsChannel,
		slack.MsgOptionText("Pizza?", false), slack.MsgOptionBlocks(pizza(approval)...))
	must(t, err)
	r.press(r.bo, r.read(r.bo, "Pizza?"), "Approve")
	r.readPrivate(r.bo, "Your press did not count")
	again := r.read(r.ana, "A press did not count", "@Bo Lindqvist", "a message that the bot did not post",
		"@Ana Ortiz", "Database: approval needed")
	r.noVotes("merche-biche")
	if got := r.forgeries("merche-biche"); len(got) != 1 ||
		got[0] != workspace.Bo+": a message that the bot did not post" {
		t.Errorf("the trail says %q", got)
	}
	r.press(r.bo, again, "Approve")
	r.read(r.ana, "Database: done")
}

func TestAChangedMessageDoesNotApprove(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	approval := r.noVotes("merche-biche")
	_, _, _, err := r.thief().UpdateMessageContext(t.Context(), workspace.OpsChannel, question.TS,
		slack.MsgOptionText("Pizza?", false), slack.MsgOptionBlocks(pizza(approval)...))
	must(t, err)
	changed := r.read(r.bo, "Pizza?")
	r.press(r.bo, changed, "Approve")
	r.readPrivate(r.bo, "Your press did not count")
	r.read(r.ana, "A press did not count", "was changed after the bot delivered it")
	r.noVotes("merche-biche")
	restored, err := r.bo.WaitMessage(r.ctx(), "ops", func(m workspace.Message) bool {
		return m.TS == question.TS && strings.Contains(m.Render(200, nil), "approval needed")
	})
	must(t, err)
	if got := r.forgeries("merche-biche"); len(got) != 1 {
		t.Errorf("the trail says %q", got)
	}
	r.press(r.bo, restored, "Approve")
	r.read(r.ana, "Database: done")
}

// TestAForgedMessageControlsNothing has buttons that retry, cancel and undo a run.
func TestAForgedMessageControlsNothing(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() { r.platform.broken["merche-biche/database"] = textError("no route to host") })
	r.begin("merche-biche")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	stuck := r.read(r.ana, "no route to host", "[Retry]")
	run := r.run("merche-biche").ID.String()
	for i, button := range []string{render.ActionRetry, render.ActionAgain, render.ActionCheck, render.ActionCancel,
		render.ActionUndoAll} {
		title := "Pizza " + strconv.Itoa(i) + "?"
		_, _, err := r.thief().PostMessageContext(t.Context(), workspace.OpsChannel, slack.MsgOptionText(title, false),
			slack.MsgOptionBlocks(blockkit.Section(title),
				slack.NewActionBlock("undo/1", blockkit.Button(button, run, "Yes", ""))))
		must(t, err)
		r.press(r.bo, r.read(r.bo, title), "Yes")
		_, err = r.ana.WaitMessage(r.ctx(), "ops", func(workspace.Message) bool {
			return len(r.forgeries("merche-biche")) > i
		})
		must(t, err)
	}
	r.readPrivate(r.bo, "Your press did not count")
	r.read(r.ana, "A press did not count", "pressed a button for this run in a message that the bot did not post")
	// Nobody but the bot knows what it asked whom in private.
	for _, button := range []string{render.ActionCancel, render.ActionUndo} {
		title := "Pasta for " + button + "?"
		_, err := r.thief().PostEphemeralContext(t.Context(), workspace.OpsChannel, workspace.Bo,
			slack.MsgOptionText(title, false), slack.MsgOptionBlocks(blockkit.Section(title),
				slack.NewActionBlock("cancel/1", blockkit.Button(button, run, "Yes", ""))))
		must(t, err)
		r.press(r.bo, r.readPrivate(r.bo, title), "Yes")
		r.readPrivate(r.bo, "the bot did not ask you this")
	}
	view := r.run("merche-biche")
	for _, event := range view.Events {
		if event.Kind == onboarding.EventRetried || event.Kind == onboarding.EventCancelled ||
			event.Kind == onboarding.EventChecked {
			t.Errorf("a forged press counted: %s", event.Kind)
		}
	}
	r.platform.set(func() { delete(r.platform.broken, "merche-biche/database") })
	r.press(r.bo, stuck, "Retry")
	r.press(r.bo, r.read(r.bo, "Database: approval needed", "[Approve]"), "Approve")
	r.read(r.bo, "Database: done")
}

// TestVotesNameWhatWasPressedIn is for the gate, which counts no other.
func TestVotesNameWhatWasPressedIn(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	r.press(r.bo, question, "Approve")
	r.read(r.ana, "Database: done")
	approval := r.run("merche-biche").Approvals[0]
	key := render.ApprovalKey(approval)
	if got := approval.Votes[0].Source; !strings.HasPrefix(got, "message "+key+" showing 02") {
		t.Errorf("the vote was given in %q, want message %s", got, key)
	}
}

// TestRepeatedPressesAddOneNotice presses while the message does not change.
func TestRepeatedPressesAddOneNotice(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.ana, "Database: approval needed")
	for range 4 {
		r.press(r.ana, question, "Approve")
	}
	r.readPrivate(r.ana, "This is your own request")
	screen, err := r.ana.Screen(r.ctx())
	must(t, err)
	channel, _ := screen.Channel(workspace.OpsChannel)
	private := 0
	for _, message := range channel.Messages {
		if message.Ephemeral {
			private++
		}
	}
	if private != 1 {
		t.Errorf("%d private notices after four presses", private)
	}
}

// TestAnAttachmentIsAChange adds to a message what was not delivered.
func TestAnAttachmentIsAChange(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	_, _, _, err := r.thief().UpdateMessageContext(t.Context(), workspace.OpsChannel, question.TS,
		slack.MsgOptionAttachments(slack.Attachment{Text: "Already reviewed by Cleo", Fallback: "reviewed"}))
	must(t, err)
	r.press(r.bo, question, "Approve")
	r.readPrivate(r.bo, "Your press did not count")
	r.noVotes("merche-biche")
}

func TestAForgedHomeDoesNotApprove(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	approval := r.noVotes("merche-biche")
	must(t, r.bo.OpenHome(r.ctx()))
	tab, err := r.bo.Home(r.ctx())
	must(t, err)
	_, err = tab.Wait(r.ctx(), func(m workspace.Modal) bool { return strings.Contains(m.Render(200, nil), "Approve") })
	must(t, err)
	_, err = r.thief().PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: workspace.Bo,
		View: slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: pizza(approval)}}})
	must(t, err)
	_, err = tab.Press(r.ctx(), "Approve")
	must(t, err)
	r.read(r.ana, "A press did not count", "a view that was changed after the bot showed it")
	r.noVotes("merche-biche")
}

// TestAChangedFormDoesNotApprove changes a form for a reason into one that approves.
func TestAChangedFormDoesNotApprove(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Reject…")
	approval := r.noVotes("merche-biche")
	form, err := r.bo.Modal(r.ctx())
	must(t, err)
	forged := render.ConfirmForm(&onboarding.ConfirmationNeededError{Reason: true, Approval: approval},
		render.Approving, 0)
	_, err = r.thief().UpdateViewContext(t.Context(), forged, "", "", form.ID)
	must(t, err)
	_, err = form.Fill(r.ctx(), "Why?", "Pizza")
	must(t, err)
	if out := r.submit(form); out.Modal == nil || !strings.Contains(out.Modal.Render(200, nil), "did not count") {
		t.Errorf("%+v", out)
	}
	r.read(r.ana, "A press did not count", "a view that was changed after the bot showed it")
	r.noVotes("merche-biche")
}

// TestAChangedReviewDoesNotApprove changes what stands above the boxes of a review.
func TestAChangedReviewDoesNotApprove(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	root := r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	approval := r.noVotes("merche-biche")
	r.press(r.bo, root, "Review all")
	form := r.reviewed(r.bo, "Approve · digest")
	box := slack.NewCheckboxGroupsBlockElement(render.ActionPick, blockkit.Option(approval.ID.String(), "Pizza", ""))
	_, err := r.thief().UpdateViewContext(t.Context(), slack.ModalViewRequest{Type: slack.VTModal,
		CallbackID: render.ViewReview, PrivateMetadata: `{"run":"` + approval.RunID.String() + `"}`,
		Title: blockkit.Plain("Pizza", 24), Submit: blockkit.Plain("Order", 24),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock(approval.ID.String(), blockkit.Plain("Which?", 100), nil, box)}}}, "", "", form.ID)
	must(t, err)
	_, err = form.Choose(r.ctx(), "Which?", "Pizza")
	must(t, err)
	if out := r.submit(form); out.Modal == nil || !strings.Contains(out.Modal.Render(200, nil), "did not count") {
		t.Errorf("%+v", out)
	}
	r.noVotes("merche-biche")
	if got := r.forgeries("merche-biche"); len(got) != 1 {
		t.Errorf("the trail says %q", got)
	}
}

// TestChangedMessagesCanBeAccepted is for a workspace whose Slack returns other blocks with a
// click than in its answers. What the bot did not post never counts.
func TestChangedMessagesCanBeAccepted(t *testing.T) {
	t.Parallel()
	r := newFixtureOf(t, size{runs: 10, connections: 25, acceptChanged: true})
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	approval := r.noVotes("merche-biche")
	_, _, err := r.thief().PostMessageContext(t.Context(), workspace.OpsChannel,
		slack.MsgOptionText("Pizza?", false), slack.MsgOptionBlocks(pizza(approval)...))
	must(t, err)
	r.press(r.bo, r.read(r.bo, "Pizza?"), "Approve")
	r.readPrivate(r.bo, "Your press did not count")
	r.noVotes("merche-biche")
	// The bot delivers the true request again, which must not come after the next change.
	r.read(r.ana, "A press did not count")
	r.settled()
	_, _, _, err = r.thief().UpdateMessageContext(t.Context(), workspace.OpsChannel, question.TS,
		slack.MsgOptionText("Burger?", false), slack.MsgOptionBlocks(append([]slack.Block{blockkit.Section("Burger?")},
			pizza(approval)[1])...))
	must(t, err)
	r.press(r.bo, r.read(r.bo, "Burger?"), "Approve")
	r.read(r.ana, "Database: done")
}

// TestAPressInAnEarlierVersion presses in what the bot delivered before a message changed. It
// counts if what the message says about this approval is the same as now.
func TestAPressInAnEarlierVersion(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() { r.platform.perDomain = []string{"dns"} })
	form := r.open(r.ana, "merche-biche domains=merche-biche.com,m0.example")
	r.fill(form, "Merche Biche", "merche@example.com")
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	shared := r.read(r.bo, "Dns · merche-biche.com: approval needed", "Dns · m0.example: approval needed")
	r.settled()
	must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultRateLimit, Method: "chat.update", Times: 1000,
		RetryAfter: time.Hour}))
	key := render.ApprovalKey(r.approvalOf("merche-biche", "dns/m0.example"))
	// What Slack shows is an earlier version from here on.
	_, err := r.pool.Exec(t.Context(), `UPDATE slack_messages SET shown_earlier = ARRAY[shown_hash],
		shown_hash = set_byte(shown_hash, 9, 255 - get_byte(shown_hash, 9)) WHERE key = $1`, key)
	must(t, err)

	_, err = r.cleo.Type(r.ctx(), "ops", "/onboard freeze Something is odd")
	must(t, err)
	r.contains(key, "Something is odd")
	r.press(r.bo, shared, "Approve Dns · merche-biche.com")
	r.readPrivate(r.bo, "changed at the same moment")
	if approval := r.approvalOf("merche-biche", "dns/merche-biche.com"); len(approval.Votes) > 0 {
		t.Errorf("a press counted in what said nothing of the freeze: %+v", approval.Votes)
	}
	_, err = r.cleo.Type(r.ctx(), "ops", "/onboard thaw")
	must(t, err)
	r.contains(key, "approval needed")

	r.press(r.cleo, shared, "Approve Dns · m0.example")
	r.contains(key, "Approved by")
	r.press(r.bo, shared, "Approve Dns · merche-biche.com")
	_, err = r.ana.WaitMessage(r.ctx(), "ops", func(workspace.Message) bool {
		return len(r.approvalOf("merche-biche", "dns/merche-biche.com").Votes) == 1
	})
	must(t, err)
	if source := r.approvalOf("merche-biche", "dns/merche-biche.com").Votes[0].Source; !strings.HasPrefix(source,
		"message "+key+" showing 02") {
		t.Errorf("the vote was given in %q", source)
	}
}

// approvalOf returns the newest approval of a step.
func (r *botFixture) approvalOf(slug string, step onboarding.Key) *onboarding.Approval {
	r.t.Helper()
	var found *onboarding.Approval
	for _, approval := range r.run(slug).Approvals {
		if approval.Step == step {
			found = approval
		}
	}
	if found == nil {
		r.t.Fatalf("no approval of %s", step)
	}
	return found
}

// contains waits until a message should contain a text, whether Slack shows that or not.
func (r *botFixture) contains(key, text string) {
	r.t.Helper()
	for deadline := time.Now().Add(waitTimeout); ; time.Sleep(5 * time.Millisecond) {
		var blocks []byte
		must(r.t, r.pool.QueryRow(r.t.Context(), `SELECT blocks FROM slack_messages WHERE key = $1`, key).Scan(&blocks))
		frozen := bytes.Contains(blocks, []byte("Something is odd"))
		if bytes.Contains(blocks, []byte(text)) && frozen == (text == "Something is odd") {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s says %s, want %q", key, blocks, text)
		}
	}
}
