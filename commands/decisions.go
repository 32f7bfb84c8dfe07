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
}

func (h *decisionHandlers) approve(ctx context.Context, action bot.Action) error {
	return h.replies.answer(ctx, action, h.decide(ctx, action, true))
}

func (h *decisionHandlers) reject(ctx context.Context, action bot.Action) error {
	return h.replies.answer(ctx, action, h.decide(ctx, action, false))
}

// decide counts the press, or asks for a reason first where one is needed. People who may not decide are told before that.
func (h *decisionHandlers) decide(ctx context.Context, action bot.Action, agrees bool) error {
	if err := h.gate.RequireSameTeam(ctx, action.Person); err != nil {
		return err
	}
	approval, err := h.service.MayDecide(ctx, parseID(action.Value), action.Person.ID)
	if err != nil {
		return err
	}
	if agrees && !approval.ReasonNeeded {
		if err := h.service.Approve(ctx, approval.ID, action.Person.ID, ""); err != nil {
			return err
		}
		return h.home.Refresh(ctx, action)
	}
	decision := render.Rejecting
	if agrees {
		decision = render.Approving
	}
	return h.askReason(ctx, action, approval, decision)
}

// askReason opens the form for a reason.
func (h *decisionHandlers) askReason(ctx context.Context, action bot.Action, approval *onboarding.Approval, decision render.Decision) error {
	name, err := h.stepName(ctx, approval)
	if err == nil {
		_, err = h.workspace.OpenView(ctx, action.TriggerID, render.ReasonForm(name, approval, decision))
	}
	return err
}

// stepName is the name that people know an approval's step by.
func (h *decisionHandlers) stepName(ctx context.Context, approval *onboarding.Approval) (string, error) {
	view, err := h.service.Records.View(ctx, approval.RunID)
	if err != nil {
		return "", err
	}
	return render.StepName(view, approval.Step), nil
}

// breakGlass asks for the reason that approving alone needs.
func (h *decisionHandlers) breakGlass(ctx context.Context, action bot.Action) error {
	err := h.gate.RequireOperator(ctx, action.Person)
	if err == nil && !h.service.GlassAllowed() {
		err = onboarding.ErrNoGlass
	}
	var approval *onboarding.Approval
	if err == nil {
		approval, err = h.service.Records.Approval(ctx, parseID(action.Value))
	}
	if err == nil {
		err = h.askReason(ctx, action, approval, render.BreakingGlass)
	}
	return h.replies.answer(ctx, action, err)
}

// reasonGiven counts a decision that came with a reason.
func (h *decisionHandlers) reasonGiven(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var meta render.ReasonMeta
	if err := json.Unmarshal([]byte(submission.Metadata), &meta); err != nil {
		return bot.Answer{}, fmt.Errorf("reason: %w", err)
	}
	err := h.gate.RequireSameTeam(ctx, submission.Person)
	if err == nil {
		decide := h.service.Reject
		switch meta.Do {
		case render.Approving:
			decide = h.service.Approve
		case render.BreakingGlass:
			decide = h.service.BreakGlass
		}
		err = decide(ctx, meta.Approval, submission.Person.ID, submission.State[render.BlockReason][render.ActionReason].Value)
	}
	switch {
	case errors.Is(err, onboarding.ErrNoReason):
		text, _ := render.ErrorText(err)
		return bot.FieldErrors(map[string]string{render.BlockReason: text}), nil
	case err != nil:
		return bot.ReplaceView(mrkdwn.Notice("Onboarding", h.replies.explain(ctx, err, "approval", meta.Approval.String()))), nil
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

func (h *decisionHandlers) changePage(ctx context.Context, action bot.Action, id uuid.UUID, page int) (slack.ModalViewRequest, error) {
	if err := h.gate.RequireOperator(ctx, action.Person); err != nil {
		return slack.ModalViewRequest{}, err
	}
	approval, err := h.service.Records.Approval(ctx, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	name, err := h.stepName(ctx, approval)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	return render.ChangePage(name, approval, page), nil
}
