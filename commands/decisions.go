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
	"github.com/atlilith/onboardbot/commands/render/refusal"
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

func (h *decisionHandlers) approveLater(ctx context.Context, action bot.Action) error {
	return h.decide(ctx, action, render.ApprovingLater)
}

// applyNow has an approved change applied that waits for its window.
func (h *decisionHandlers) applyNow(ctx context.Context, action bot.Action) error {
	_, err := h.origins.accept(ctx, action, subject{approval: parseID(action.Value)})
	if err == nil {
		err = h.service.ApplyNow(ctx, parseID(action.Value), action.Person.ID)
	}
	return h.replies.answer(ctx, action, err)
}

func (h *decisionHandlers) reject(ctx context.Context, action bot.Action) error {
	return h.decide(ctx, action, render.Rejecting)
}

func (h *decisionHandlers) breakGlass(ctx context.Context, action bot.Action) error {
	return h.decide(ctx, action, render.BreakingGlass)
}

// decide counts the press. A decision that needs more opens the form for it; people who may not
// decide do not see the form.
func (h *decisionHandlers) decide(ctx context.Context, action bot.Action, decision render.Decision) error {
	err := h.origins.admit(ctx, action.Person, subject{approval: parseID(action.Value)})
	if err == nil {
		given := service.Decision{Operator: action.Person.ID}
		if action.View == nil {
			given.Shown = render.ShownInRequest
		}
		if given.Source, err = h.origins.require(ctx, action, subject{approval: parseID(action.Value)}); err == nil {
			err = h.vote(ctx, decision, parseID(action.Value), given)
		}
	}
	if needed, ok := errors.AsType[*onboarding.ConfirmationNeededError](err); ok {
		err = h.origins.openBy(ctx, h.opener(action), action.TriggerID, render.ConfirmForm(needed, decision, 0))
		return h.replies.answer(ctx, action, err)
	}
	if err == nil {
		err = h.home.Refresh(ctx, action)
	}
	return h.replies.answer(ctx, action, err)
}

// opener opens a modal, above the one in which somebody pressed if there is one.
func (h *decisionHandlers) opener(action bot.Action) opener {
	if inForm(action) {
		return h.workspace.StackView
	}
	return h.workspace.OpenView
}

func (h *decisionHandlers) vote(
	ctx context.Context, decision render.Decision, approval uuid.UUID, given service.Decision,
) error {
	switch decision {
	case render.Approving, render.ApprovingLater:
		given.NextWindow = decision == render.ApprovingLater
		return h.service.Approve(ctx, approval, given)
	case render.BreakingGlass:
		return h.service.BreakGlass(ctx, approval, given)
	}
	return h.service.Reject(ctx, approval, given)
}

// confirmed counts a decision that came with what it needs.
func (h *decisionHandlers) confirmed(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var meta render.ConfirmMeta
	if err := json.Unmarshal([]byte(submission.Metadata), &meta); err != nil {
		return bot.Answer{}, fmt.Errorf("decision: %w", err)
	}
	err := h.origins.admit(ctx, submission.Person, subject{approval: meta.Approval})
	if err == nil {
		given := service.Decision{Operator: submission.Person.ID, Digest: meta.Digest,
			Shown: render.ShownInRequest} // a form without pages opened from the request
		given.Reason, given.Code = refusal.Typed(submission.State)
		if meta.Whole {
			given.Shown = func(*onboarding.Approval) bool { return true } // the form has all pages
		}
		given.Source, err = h.origins.require(ctx, submission.Press(), subject{approval: meta.Approval})
		if err == nil {
			err = h.vote(ctx, meta.Do, meta.Approval, given)
		}
	}
	return h.replies.refuse(ctx, sentForm{submission, "Onboarding", "approval", meta.Approval.String()}, err), nil
}

// turnConfirmation shows another page of the form that confirms a decision.
func (h *decisionHandlers) turnConfirmation(ctx context.Context, action bot.Action) error {
	page, err := strconv.Atoi(action.ID[len(render.ActionConfirmPage):])
	if err != nil || action.View == nil {
		return fmt.Errorf("page %q", action.ID)
	}
	var meta render.ConfirmMeta
	if err := json.Unmarshal([]byte(action.View.PrivateMetadata), &meta); err != nil {
		return fmt.Errorf("decision: %w", err)
	}
	view, approval, err := h.asked(ctx, action, meta.Approval)
	if err == nil {
		_, err = h.origins.require(ctx, action, subject{approval: meta.Approval})
	}
	if err == nil && approval.Digest != meta.Digest {
		err = onboarding.ErrOtherChange
	}
	if err == nil {
		err = h.origins.update(ctx, action, render.ConfirmForm(meta.Needed(view, approval), meta.Do, page))
	}
	return h.replies.answer(ctx, action, err)
}

// show opens the whole change for one person.
func (h *decisionHandlers) show(ctx context.Context, action bot.Action) error {
	view, err := h.changePage(ctx, action, parseID(action.Value), 0)
	if err == nil {
		_, err = h.opener(action)(ctx, action.TriggerID, view)
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
		_, err = h.workspace.UpdateView(ctx, openModal(action), view)
	}
	return h.replies.answer(ctx, action, err)
}

func (h *decisionHandlers) changePage(
	ctx context.Context, action bot.Action, id uuid.UUID, page int,
) (slack.ModalViewRequest, error) {
	view, approval, err := h.asked(ctx, action, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	return render.ChangePage(render.StepName(view.Run, approval.Step), approval, page), nil
}

// asked returns an approval and its run, for an operator.
func (h *decisionHandlers) asked(
	ctx context.Context, action bot.Action, id uuid.UUID,
) (*onboarding.View, *onboarding.Approval, error) {
	if err := h.gate.RequireOperator(ctx, action.Person); err != nil {
		return nil, nil, err
	}
	approval, err := h.service.Records.Approval(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	view, err := h.service.Records.View(ctx, approval.RunID)
	return view, approval, err
}
