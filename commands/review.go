package commands

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// reviewHandlers shows everything that a run has still to do, and approves what is ticked.
type reviewHandlers struct {
	service   *service.Service
	workspace *bot.Workspace
	gate      *access.Gate
	replies   *responder
	origins   *provenance
	renderer  render.Renderer
}

func (h *reviewHandlers) open(ctx context.Context, action bot.Action) error {
	err := h.gate.RequireOperator(ctx, action.Person)
	if err == nil {
		err = h.openFor(ctx, action.TriggerID, action.Person, parseID(action.Value))
	}
	return h.replies.answer(ctx, action, err)
}

func (h *reviewHandlers) reply(ctx context.Context, command bot.Command, run *onboarding.Run) post.Reply {
	if err := h.openFor(ctx, command.TriggerID, command.Person, run.ID); err != nil {
		return h.replies.failure(ctx, err, "run", run.ID.String())
	}
	return post.Reply{}
}

// openFor opens a modal at once and fills it later: observing every step takes longer than a
// trigger is valid.
func (h *reviewHandlers) openFor(ctx context.Context, trigger string, person bot.Person, run uuid.UUID) error {
	view, err := h.service.Records.View(ctx, run)
	switch {
	case err != nil:
		return err
	case view.State != onboarding.RunActive:
		return onboarding.ErrRunEnded
	}
	modal, err := h.workspace.OpenView(ctx, trigger,
		mrkdwn.Notice("Review all", mrkdwn.MarkBusy+" Checking everything that is left to do…"))
	if err != nil {
		return err
	}
	replyWithin(ctx, h.replies, func(ctx context.Context) error { return h.fill(ctx, modal.ID, person, run) },
		func(context.Context, error) {})
	return nil
}

func (h *reviewHandlers) fill(ctx context.Context, modal string, person bot.Person, run uuid.UUID) error {
	preapprovals, err := h.service.Review(ctx, run)
	content := mrkdwn.Notice("Review all", "")
	if err == nil {
		content, err = h.show(ctx, reviewPage{person: person, run: run, preapprovals: preapprovals})
	}
	if err != nil {
		content = mrkdwn.Notice("Review all", h.replies.explain(ctx, err, "run", run.String()))
	}
	if err = h.origins.replace(ctx, bot.OpenModal{ID: modal}, content); err != nil {
		h.replies.log.InfoContext(ctx, "a review was closed before it was filled", "run", run, "error", err)
	}
	return err
}

// reviewPage is one page of the review of a run, for one person.
type reviewPage struct {
	person bot.Person
	run    uuid.UUID
	number int
	// preapprovals are the steps that were just observed, nil for a page that is only turned.
	preapprovals []onboarding.Preapproval
	// selected are the approvals that were selected before, later that they wait for their next
	// window, and turn counts how often the modal was shown.
	selected []uuid.UUID
	turn     int
	later    bool
	// choose selects more, nil for nothing more.
	choose func(render.Review)
}

func (h *reviewHandlers) show(ctx context.Context, page reviewPage) (slack.ModalViewRequest, error) {
	view, err := h.service.Records.View(ctx, page.run)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	content := h.renderer.Review(view, page.preapprovals, page.person.ID)
	if len(content.Items) > 0 {
		if err := h.service.MayDecide(ctx, view.Run, page.person.ID); err != nil {
			text, expected := refusal.Text(err)
			if !expected {
				return slack.ModalViewRequest{}, err
			}
			content.Why = text
		}
	}
	content.Turn, content.Later = page.turn, page.later
	for _, approval := range page.selected {
		content.Selected[approval] = true
	}
	if page.choose != nil {
		page.choose(content)
	}
	return content.Page(page.number), nil
}

// turnPage shows another page in the same modal, or the same one again.
func (h *reviewHandlers) turnPage(ctx context.Context, action bot.Action) error {
	return h.pressed(ctx, action, render.ActionReviewPage, func(page *reviewPage, number int) { page.number = number })
}

// selectPage selects all changes of a page.
func (h *reviewHandlers) selectPage(ctx context.Context, action bot.Action) error {
	return h.pressed(ctx, action, render.ActionReviewSelect, func(page *reviewPage, number int) {
		page.choose = func(review render.Review) { review.SelectPage(number) }
	})
}

// selectDomain selects all changes of a domain.
func (h *reviewHandlers) selectDomain(ctx context.Context, action bot.Action) error {
	return h.pressed(ctx, action, render.ActionReviewDomain, func(page *reviewPage, number int) {
		page.choose = func(review render.Review) { review.SelectDomain(number) }
	})
}

// pressed shows a review again after a button in it was pressed, with what is selected. The number
// follows the prefix in the id of the button.
func (h *reviewHandlers) pressed(
	ctx context.Context, action bot.Action, prefix string, change func(page *reviewPage, number int),
) error {
	number, err := strconv.Atoi(strings.TrimPrefix(action.ID, prefix))
	if err != nil || action.View == nil {
		return fmt.Errorf("page %q", action.ID)
	}
	meta, err := render.DecodeReview(action.View.PrivateMetadata)
	if err != nil {
		return err
	}
	page := reviewPage{person: action.Person, run: meta.Run, number: meta.Page, turn: meta.Turn + 1,
		selected: meta.Selected(action.State), later: render.ReviewLater(action.State)}
	change(&page, number)
	about := reviewed(meta.Run, page.selected)
	err = h.origins.admit(ctx, action.Person, about)
	if err == nil && len(page.selected) > 0 { // without, what is shown next is from the database alone
		_, err = h.origins.require(ctx, action, about)
	}
	if err == nil {
		var view slack.ModalViewRequest
		if view, err = h.show(ctx, page); err == nil {
			err = h.origins.update(ctx, action, view)
		}
	}
	return h.replies.answer(ctx, action, err)
}

// reviewed is what a press in a review is about.
func reviewed(run uuid.UUID, selected []uuid.UUID) subject {
	if len(selected) == 0 {
		return subject{run: run}
	}
	return subject{run: run, approval: selected[0]}
}

// submitted approves the selected changes, each under its own digest.
func (h *reviewHandlers) submitted(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	meta, err := render.DecodeReview(submission.Metadata)
	if err != nil {
		return bot.Answer{}, err
	}
	picked := meta.Selected(submission.State)
	box := ""
	for block := range submission.State {
		if _, isBox := render.ReviewBox(block); isBox && (box == "" || block < box) {
			box = block
		}
	}
	if len(picked) == 0 && box != "" {
		return bot.FieldErrors(map[string]string{box: "Select the changes that you approve, or close this."}), nil
	}
	given := service.Decision{Operator: submission.Person.ID, Shown: render.ShownInReview,
		NextWindow: render.ReviewLater(submission.State)}
	given.Reason, _ = refusal.Typed(submission.State)
	counted := 0
	about := reviewed(meta.Run, picked)
	err = h.origins.admit(ctx, submission.Person, about)
	if err == nil && len(picked) > 0 {
		given.Source, err = h.origins.require(ctx, submission.Press(), about)
		if err == nil {
			counted, err = h.service.ApproveAll(ctx, meta.Run, picked, given)
		}
	}
	if err != nil {
		return h.replies.refuse(ctx, sentForm{submission, "Review all", "run", meta.Run.String()}, err), nil
	}
	return bot.ReplaceView(render.ReviewDone(meta, counted, len(picked), given.NextWindow)), nil
}
