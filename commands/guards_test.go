package commands_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// What guards a button or a form.
const (
	// It counts only if an operator presses it in what the bot delivered, and what does not count
	// is in the audit trail. TestNothingForgedCounts plays both.
	message = "a button in a message"
	inForm  = "a button in a form"
	sent    = "a form"
	// It shows an operator what the bot knows, and changes nothing.
	shows = "shows"
	// It puts a sentence in the place of the message that was pressed in.
	closes = "closes"
)

// guards names every button and form of the product, as they are registered.
var guards = map[string]string{
	"form.ActionMode": inForm, "form.ActionHost": inForm, "form.ActionMail": inForm, "form.ActionInput": inForm,
	"form.ActionOrg": inForm, "form.ActionDiscard": message, "form.ActionStart": message,
	"form.ActionChange": shows, "form.ViewForm": sent,

	"render.ActionApprove": message, "schedule.ActionApproveLater": message, "schedule.ActionApplyNow": message,
	"render.ActionReject": message, "render.ActionGlass": message, "render.ActionConfirmPage*": inForm,
	"render.ViewConfirm": sent,

	"render.ActionRetry": message, "render.ActionAgain": message, "render.ActionCheck": message,
	"render.ActionCancel": message, "render.ActionUndo": message, "render.ActionUndoAll": message,
	"certs.ActionRenew": message,

	"render.ActionReviewPage*": inForm, "render.ActionReviewSelect*": inForm, "render.ActionReviewDomain*": inForm,
	"render.ViewReview": sent,

	"isolationreport.ActionOffer": message, "isolationreport.ViewOffer": sent, "isolationreport.ActionAccept": message,
	"isolationreport.ActionReject": message, "isolationreport.ActionWithdraw": message,
	"isolationreport.ViewDecide": sent,

	"render.ActionEdit": shows, "render.ActionShow": shows, "render.ActionPage*": shows,
	"render.ActionFindings": shows, "render.ActionReview": shows, "certs.ActionWhy": shows,
	"render.ActionKeep": closes, "render.ActionLeave": closes,
}

// TestEveryPressHasItsGuard fails for a button or a form that the table above does not name.
func TestEveryPressHasItsGuard(t *testing.T) {
	t.Parallel()
	var registered, looped []string
	for _, name := range []string{"handlers.go", "risks/risks.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.RangeStmt:
				looped = nil
				if list, ok := node.X.(*ast.CompositeLit); ok {
					for _, element := range list.Elts {
						if pair, ok := element.(*ast.KeyValueExpr); ok {
							element = pair.Key
						}
						looped = append(looped, patternName(element))
					}
				}
			case *ast.CallExpr:
				called, ok := node.Fun.(*ast.SelectorExpr)
				if !ok || called.Sel.Name != "Action" && called.Sel.Name != "View" {
					return true
				}
				if name := patternName(node.Args[0]); name != "" {
					registered = append(registered, name)
				} else {
					registered = append(registered, looped...)
				}
			}
			return true
		})
	}
	slices.Sort(registered)
	if named := slices.Sorted(maps.Keys(guards)); !slices.Equal(registered, named) {
		t.Errorf("registered:\n%q\nnamed in this test:\n%q", registered, named)
	}
}

// patternName is the name of a pattern as handlers.go writes it, empty for a variable.
func patternName(pattern ast.Expr) string {
	switch pattern := pattern.(type) {
	case *ast.SelectorExpr:
		return pattern.X.(*ast.Ident).Name + "." + pattern.Sel.Name
	case *ast.BinaryExpr:
		return patternName(pattern.X) + "*"
	}
	return ""
}

// TestNothingForgedCounts presses every button that changes something, in what somebody made with
// the bot's token, and as somebody of another workspace. Each attempt is in the audit trail, and
// nothing else changes.
func TestNothingForgedCounts(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	answer := r.say(r.ana, "ops", `ondine name="Ondine" email=o@example.com mode=person domains=ondine.example`)
	if !strings.Contains(answer, "Start") {
		t.Fatal(answer)
	}
	before := r.noVotes("merche-biche")
	approval, run := before.ID.String(), before.RunID.String()
	ids := map[string]struct{ id, value, block string }{
		"form.ActionDiscard":             {form.ActionDiscard, "ondine", form.ConfirmationBlock + "ondine"},
		"form.ActionStart":               {form.ActionStart, uuid.NewString(), form.ConfirmationBlock + "ondine"},
		"render.ActionApprove":           {render.ActionApprove, approval, "approval"},
		"schedule.ActionApproveLater":    {schedule.ActionApproveLater, approval, "approval"},
		"schedule.ActionApplyNow":        {schedule.ActionApplyNow, approval, "approval"},
		"render.ActionReject":            {render.ActionReject, approval, "approval"},
		"render.ActionGlass":             {render.ActionGlass, approval, "approval"},
		"render.ActionRetry":             {render.ActionRetry, run, "step/1"},
		"render.ActionAgain":             {render.ActionAgain, run, "step/1"},
		"render.ActionCheck":             {render.ActionCheck, run, "step/1"},
		"render.ActionCancel":            {render.ActionCancel, run, "cancel/1"},
		"render.ActionUndo":              {render.ActionUndo, run, "undo/1"},
		"render.ActionUndoAll":           {render.ActionUndoAll, run, "undo/1"},
		"isolationreport.ActionOffer":    {isolationreport.ActionOffer, "a place", "risk/1"},
		"isolationreport.ActionAccept":   {isolationreport.ActionAccept, uuid.NewString(), "risk/1"},
		"isolationreport.ActionReject":   {isolationreport.ActionReject, uuid.NewString(), "risk/1"},
		"isolationreport.ActionWithdraw": {isolationreport.ActionWithdraw, uuid.NewString(), "risk/1"},
		"certs.ActionRenew":              {certs.ActionRenew, "merche-biche.com", "certificate/1"},
	}
	thief, tried := r.thief(), 0
	for name, guard := range guards {
		if guard != message {
			continue
		}
		button, known := ids[name]
		if !known {
			t.Errorf("%s is not played", name)
			continue
		}
		forge := func(title string) workspace.Message {
			_, _, err := thief.PostMessageContext(r.ctx(), workspace.OpsChannel, slack.MsgOptionText(title, false),
				slack.MsgOptionBlocks(blockkit.Section(title), slack.NewActionBlock(button.block,
					blockkit.Button(button.id, button.value, "Yes", ""))))
			must(t, err)
			return r.read(r.bo, title)
		}
		r.press(r.bo, forge("Pizza with "+name+"?"), "Yes")
		tried++
		r.counted(workspace.Bo+" forged_press: a message that the bot did not post", tried, name)
		// The trail has the same refusal once. Nobody but the test can take it out.
		must(t, pgx.BeginFunc(r.ctx(), r.pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(r.ctx(), `SET LOCAL session_replication_role = replica;
				DELETE FROM events WHERE kind = 'refused'`)
			return err
		}))
		r.press(workspace.As(r, workspace.Fay), forge("Pasta with "+name+"?"), "Yes")
		r.counted(workspace.Fay+" refused: not an operator: people of other workspaces", 1, name)
	}
	if after := r.noVotes("merche-biche"); after.ID != before.ID {
		t.Errorf("another approval is open: %s", after.ID)
	}
	if draft, err := r.service.Drafts.Get(r.ctx(), "ondine"); err != nil || draft == nil {
		t.Errorf("the draft is gone: %v", err)
	}
	r.noRun("ondine")
	r.noRefusals()
}

// counted waits until the audit trail has a line so often.
func (r *botFixture) counted(line string, want int, after string) {
	r.t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for {
		count := 0
		for _, has := range r.trail() {
			if strings.HasPrefix(has, line) {
				count++
			}
		}
		if count == want {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("after %s the trail has %q %d times, want %d:\n%s", after, line, count, want,
				strings.Join(r.trail(), "\n"))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestNothingCountsInAForgedForm has somebody change a form that Bo has open into another one.
// Whatever Bo does there is refused, and so is what a press there would have the bot show as its
// own.
func TestNothingCountsInAForgedForm(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	approval := r.noVotes("merche-biche")
	encode := func(meta any) string {
		encoded, err := json.Marshal(meta)
		must(t, err)
		return string(encoded)
	}
	confirm := encode(render.ConfirmMeta{Approval: approval.ID, Digest: approval.Digest, Do: render.Approving})
	review := encode(render.ReviewMeta{Run: approval.RunID, Elsewhere: approval.ID[:]}) // it is selected
	draft := form.NewDraft("evil")
	draft.Name, draft.Email, draft.Domains = "Eve", "eve@example.com", "evil.example"
	request := form.Form{Meta: form.Meta{Channel: workspace.OpsChannel, Slug: "evil"}, Draft: draft,
		Hosts: []string{"vps-0", "vps-1"}}.View()
	tried := 0
	for name, forge := range map[string]func() (slack.ModalViewRequest, func(*workspace.Form)){
		"form.ActionMode": func() (slack.ModalViewRequest, func(*workspace.Form)) {
			return request, func(f *workspace.Form) {
				_, err := f.Choose(r.ctx(), "Operating mode", "Person + owns Org")
				must(t, err)
			}
		},
		"form.ActionInput": func() (slack.ModalViewRequest, func(*workspace.Form)) {
			return request, func(f *workspace.Form) {
				_, err := f.Fill(r.ctx(), "Display name", "Eve II")
				must(t, err)
			}
		},
		"form.ActionDiscard": func() (slack.ModalViewRequest, func(*workspace.Form)) {
			return withButton(form.ViewForm, request.PrivateMetadata, form.ActionDiscard, "evil"), pressYes(r)
		},
		"render.ActionConfirmPage*": func() (slack.ModalViewRequest, func(*workspace.Form)) {
			return withButton(render.ViewConfirm, confirm, render.ActionConfirmPage+"1", "1"), pressYes(r)
		},
		"render.ActionReviewPage*": func() (slack.ModalViewRequest, func(*workspace.Form)) {
			return withButton(render.ViewReview, review, render.ActionReviewPage+"1", "1"), pressYes(r)
		},
		"render.ActionReviewSelect*": func() (slack.ModalViewRequest, func(*workspace.Form)) {
			return withButton(render.ViewReview, review, render.ActionReviewSelect+"0", "0"), pressYes(r)
		},
		"render.ActionReviewDomain*": func() (slack.ModalViewRequest, func(*workspace.Form)) {
			return withButton(render.ViewReview, review, render.ActionReviewDomain+"0", "0"), pressYes(r)
		},
	} {
		opened := r.open(r.bo, "harmless-"+strconv.Itoa(tried))
		view, act := forge()
		view.Title = blockkit.Plain("Pizza", 24)
		// Slack keeps what was typed where a block stays, so the blocks go first.
		_, err := r.thief().UpdateViewContext(r.ctx(), mrkdwn.Notice("Pizza", "One moment…"), "", "", opened.ID)
		must(t, err)
		_, err = r.thief().UpdateViewContext(r.ctx(), view, "", "", opened.ID)
		must(t, err)
		act(opened)
		tried++
		r.counted(workspace.Bo+" forged_press: a view that was changed after the bot showed it", tried, name)
		front, err := r.bo.Modal(r.ctx()) // the answer may stand above the form
		must(t, err)
		_, err = front.Dismiss(r.ctx())
		must(t, err)
	}
	if draft, err := r.service.Drafts.Get(r.ctx(), "evil"); err != nil || draft != nil {
		t.Errorf("a draft was saved: %+v, %v", draft, err)
	}
	r.noVotes("merche-biche")
}

func withButton(callback, metadata, action, value string) slack.ModalViewRequest {
	return slack.ModalViewRequest{Type: slack.VTModal, CallbackID: callback, PrivateMetadata: metadata,
		Title: blockkit.Plain("Pizza", 24), Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewActionBlock("pizza", blockkit.Button(action, value, "Yes", ""))}}}
}

func pressYes(r *botFixture) func(*workspace.Form) {
	return func(f *workspace.Form) {
		_, err := f.Press(r.ctx(), "Yes")
		must(r.t, err)
	}
}
