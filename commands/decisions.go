package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// decisionHandlers answers the buttons of an approval request.
type decisionHandlers struct {
	service   *service.Service
	workspace *bot.Workspace
	gate      *access.Gate
	replies   *responder
	home      *home.Tabs
	origins   *provenance
}

func (h *decisionHandlers) approve(ctx context.Context, action bot.Action) error {
	return h.decide(ctx, action, render.Approving)
}

func (h *decisionHandlers) reject(ctx context.Context, action bot.Action) error {
	return h.decide(ctx, action, render.Rejecting)
}

func (h *decisionHandlers) breakGlass(ctx context.Context, action bot.Action) error {
	return h.decide(ctx, action, render.BreakingGlass)
}

// decide counts the press. A decision that needs a reason opens the form for it; people who may
// not decide do not see the form.
func (h *decisionHandlers) decide(ctx context.Context, action bot.Action, decision render.Decision) error {
	err := h.gate.RequireSameTeam(ctx, action.Person)
	if err == nil {
		given := service.Decision{Operator: action.Person.ID}
		if given.Source, err = h.origins.require(ctx, action, subject{approval: parseID(action.Value)}); err == nil {
			err = h.vote(ctx, decision, parseID(action.Value), given)
		}
	}
	if needed, ok := errors.AsType[*onboarding.ReasonNeededError](err); ok {
		var form bot.ShownView
		if form, err = h.workspace.OpenView(ctx, action.TriggerID, render.ReasonForm(needed, decision)); err == nil {
			err = h.origins.outbox.RecordView(ctx, form)
		}
		return h.replies.answer(ctx, action, err)
	}
	if err == nil {
		err = h.home.Refresh(ctx, action)
	}
	return h.replies.answer(ctx, action, err)
}

func (h *decisionHandlers) vote(
	ctx context.Context, decision render.Decision, approval uuid.UUID, given service.Decision,
) error {
	switch decision {
	case render.Approving:
		return h.service.Approve(ctx, approval, given)
	case render.BreakingGlass:
		return h.service.BreakGlass(ctx, approval, given)
	}
	return h.service.Reject(ctx, approval, given)
}

// reasonGiven counts a decision that came with a reason.
func (h *decisionHandlers) reasonGiven(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var meta render.ReasonMeta
	if err := json.Unmarshal([]byte(submission.Metadata), &meta); err != nil {
		return bot.Answer{}, fmt.Errorf("reason: %w", err)
	}
	err := h.gate.RequireSameTeam(ctx, submission.Person)
	if err == nil {
		given := service.Decision{Operator: submission.Person.ID,
			Reason: submission.State[render.BlockReason][render.ActionReason].Value}
		given.Source, err = h.origins.require(ctx, formSubmitted(submission), subject{approval: meta.Approval})
		if err == nil {
			err = h.vote(ctx, meta.Do, meta.Approval, given)
		}
	}
	switch {
	case errors.Is(err, onboarding.ErrNoReason):
		text, _ := render.ErrorText(err)
		return bot.FieldErrors(map[string]string{render.BlockReason: text}), nil
	case err != nil:
		return bot.ReplaceView(mrkdwn.Notice("Onboarding",
			h.replies.explain(ctx, err, "approval", meta.Approval.String()))), nil
	}
	return bot.Answer{}, nil
}

// show opens the whole change for one person.
func (h *decisionHandlers) show(ctx context.Context, action bot.Action) error {
	view, err := h.changePage(ctx, action, parseID(action.Value), 0)
	open := h.workspace.OpenView
	if action.View != nil && action.View.Type == slack.VTModal {
		open = h.workspace.StackView
	}
	if err == nil {
		_, err = open(ctx, action.TriggerID, view)
	}
	return h.replies.answer(ctx, action, err)
}

// turnPage shows another page of a change in the same modal.
func (h *decisionHandlers) turnPage(ctx context.Context, action bot.Action) error {
	page, err := strconv.Atoi(action.ID[len(render.ActionPage):])
	if err != nil || action.View == nil {
		return fmt.Errorf("page %q", action.ID)
	}
	view, err := h.changePage(ctx, action, parseID(action.Value), page)
	if err == nil {
		_, err = h.workspace.UpdateView(ctx, action.View.ID, action.View.Hash, view)
	}
	return h.replies.answer(ctx, action, err)
}

func (h *decisionHandlers) changePage(
	ctx context.Context, action bot.Action, id uuid.UUID, page int,
) (slack.ModalViewRequest, error) {
	if err := h.gate.RequireOperator(ctx, action.Person); err != nil {
		return slack.ModalViewRequest{}, err
	}
	approval, err := h.service.Records.Approval(ctx, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	view, err := h.service.Records.View(ctx, approval.RunID)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	return render.ChangePage(render.StepName(view, approval.Step), approval, page), nil
}
