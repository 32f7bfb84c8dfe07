package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// riskHandlers answers the buttons of risks in isolation reports: one operator asks to accept a risk,
// another decides.
type riskHandlers struct {
	risks    *service.Risks
	store    *reports.Store
	gate     *access.Gate
	replies  *responder
	messages *messenger
	origins  *provenance
}

// offer opens the form that asks why a risk of a report can be accepted.
func (h *riskHandlers) offer(ctx context.Context, action bot.Action) error {
	err := h.gate.RequireOperator(ctx, action.Person)
	if err == nil {
		_, err = h.origins.require(ctx, action, subject{})
	}
	if err != nil {
		return h.replies.answer(ctx, action, err)
	}
	place, err := isolationreport.ParsePlace(action.Value)
	if err != nil {
		return fmt.Errorf("risk %q: %w", action.Value, err)
	}
	record, err := h.store.Report(ctx, place.Report)
	if err != nil {
		return h.replies.answer(ctx, action, err)
	}
	risk := place.Risk(record)
	if risk == nil {
		return h.replies.answer(ctx, action, errNoRisk)
	}
	err = h.origins.open(ctx, action.TriggerID, isolationreport.OfferForm(place, risk, time.Now()))
	return h.replies.answer(ctx, action, err)
}

// errNoRisk is for whoever presses in a report that is not kept any more.
const errNoRisk = userError("This report is too old. Ask for a new one: `" + render.IsolationCommand + "`.")

// offered asks others to accept the risk for which somebody sent the form.
func (h *riskHandlers) offered(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var place isolationreport.Place
	if err := json.Unmarshal([]byte(submission.Metadata), &place); err != nil {
		return bot.Answer{}, fmt.Errorf("risk: %w", err)
	}
	err := h.ask(ctx, submission, place)
	until, isUntil := errors.AsType[*onboarding.UntilError](err)
	decided, isDecided := errors.AsType[*onboarding.RiskDecidedError](err)
	switch {
	case isUntil:
		return bot.FieldErrors(map[string]string{
			isolationreport.BlockUntil: isolationreport.UntilText(until)}), nil
	case isDecided:
		link := h.messages.address(ctx, isolationreport.RiskKey(decided.Request.ID))
		err = userError(isolationreport.AskedText(decided, link))
	}
	return h.answer(ctx, err, place.Report)
}

func (h *riskHandlers) ask(ctx context.Context, submission bot.Submission, place isolationreport.Place) error {
	if err := h.gate.RequireSameTeam(ctx, submission.Person); err != nil {
		return err
	}
	source, err := h.origins.require(ctx, formSubmitted(submission), subject{})
	if err != nil {
		return err
	}
	record, err := h.store.Report(ctx, place.Report)
	if err != nil {
		return err
	}
	request, found := isolationreport.Request(place, record,
		submission.State[isolationreport.BlockUntil][isolationreport.ActionUntil].SelectedDate)
	if !found {
		return errNoRisk
	}
	return h.risks.Ask(ctx, request, service.Decision{Operator: submission.Person.ID, Source: source,
		Reason: reasonIn(submission)})
}

func reasonIn(submission bot.Submission) string {
	return submission.State[render.BlockReason][render.ActionReason].Value
}

func (h *riskHandlers) accept(ctx context.Context, action bot.Action) error {
	return h.act(ctx, action, onboarding.AcceptRisk)
}

func (h *riskHandlers) reject(ctx context.Context, action bot.Action) error {
	return h.act(ctx, action, onboarding.RejectRisk)
}

func (h *riskHandlers) withdraw(ctx context.Context, action bot.Action) error {
	return h.act(ctx, action, onboarding.WithdrawRisk)
}

// act counts a press, or opens the form for what is missing.
func (h *riskHandlers) act(ctx context.Context, action bot.Action, act onboarding.RiskAct) error {
	id := parseID(action.Value)
	source, err := h.require(ctx, action, id)
	if err == nil {
		err = h.risks.Act(ctx, id, act, service.Decision{Operator: action.Person.ID, Source: source})
	}
	if needed, ok := errors.AsType[*onboarding.ConfirmationNeededError](err); ok {
		var request *onboarding.RiskRequest
		if request, err = h.risks.Request(ctx, id); err == nil {
			err = h.origins.open(ctx, action.TriggerID, isolationreport.DecideForm(request, act, needed))
		}
	}
	return h.replies.answer(ctx, action, riskError(err))
}

// decided counts a decision that came with what it needs.
func (h *riskHandlers) decided(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var meta isolationreport.DecideMeta
	if err := json.Unmarshal([]byte(submission.Metadata), &meta); err != nil {
		return bot.Answer{}, fmt.Errorf("risk: %w", err)
	}
	source, err := h.require(ctx, formSubmitted(submission), meta.Risk)
	if err == nil {
		err = h.risks.Act(ctx, meta.Risk, meta.Act, service.Decision{Operator: submission.Person.ID, Source: source,
			Reason: reasonIn(submission), Code: submission.State[render.BlockCode][render.ActionReason].Value})
	}
	if _, wrong := errors.AsType[*onboarding.CodeError](err); wrong {
		text, _ := render.ErrorText(err)
		return bot.FieldErrors(map[string]string{render.BlockCode: strings.ReplaceAll(text, "`", "")}), nil
	}
	return h.answer(ctx, riskError(err), meta.Risk)
}

// require refuses people of other workspaces, and presses in what the bot did not deliver.
func (h *riskHandlers) require(ctx context.Context, action bot.Action, risk uuid.UUID) (source string, err error) {
	if err := h.gate.RequireSameTeam(ctx, action.Person); err != nil {
		return "", err
	}
	return h.origins.require(ctx, action, subject{risk: risk})
}

// answer says in the place of a form what went wrong, and closes it if nothing did.
func (h *riskHandlers) answer(ctx context.Context, err error, about uuid.UUID) (bot.Answer, error) {
	switch {
	case err == nil:
		return bot.Answer{}, nil
	case errors.Is(err, onboarding.ErrNoReason):
		text, _ := render.ErrorText(err)
		return bot.FieldErrors(map[string]string{render.BlockReason: text}), nil
	}
	return bot.ReplaceView(mrkdwn.Notice("Isolation", h.replies.explain(ctx, err, "risk", about.String()))), nil
}

// riskError words what runs say in other words.
func riskError(err error) error {
	decided, ok := errors.AsType[*onboarding.RiskDecidedError](err)
	switch {
	case ok:
		return userError(isolationreport.DecidedText(decided, time.Now()))
	case errors.Is(err, onboarding.ErrOwnRequest):
		return userError("You asked to accept this risk, so another operator must decide. " +
			"*Withdraw* takes your request back.")
	case errors.Is(err, onboarding.ErrOtherChange):
		return userError("The bot did not sign this request, so nothing was accepted. The request is older than " +
			"`second_factor.key`, or somebody may be writing to the bot's database: tell an administrator.")
	}
	return err
}
