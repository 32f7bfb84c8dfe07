// Package risks answers the buttons of risks in isolation reports: one operator asks to accept a
// risk, another decides.
package risks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/risk"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// Host is what the handlers of all buttons share.
type Host interface {
	// Require refuses people who are no operators, and a press in what the bot did not deliver.
	// Otherwise it returns what that was. The id is that of a request to accept a risk, zero for a
	// press about none.
	Require(ctx context.Context, action bot.Action, request uuid.UUID) (source string, err error)
	// Open opens a modal.
	Open(ctx context.Context, trigger string, modal slack.ModalViewRequest) error
	// Answer tells somebody what went wrong with a press. Without an error it shows what the press
	// did on the Home tab, if that is where they pressed.
	Answer(ctx context.Context, action bot.Action, err error) error
	// Refuse says what is wrong with a form that is about an id. Without an error it closes the
	// form.
	Refuse(ctx context.Context, form bot.Submission, about string, err error) bot.Answer
	// Address is where Slack shows a message, empty if that is not known yet.
	Address(ctx context.Context, key string) string
}

// Handlers answers what operators press about risks.
type Handlers struct {
	host  Host
	risks *service.Risks
	store *reports.Store
}

// New returns the handlers. [Handlers.Register] routes to them.
func New(host Host, risks *service.Risks, store *reports.Store) *Handlers {
	return &Handlers{host: host, risks: risks, store: store}
}

// Register routes what people press to the handlers.
func (h *Handlers) Register(router *bot.Router) {
	router.Action(isolationreport.ActionOffer, h.offer)
	router.View(isolationreport.ViewOffer, h.offered)
	for action, act := range map[string]risk.Act{isolationreport.ActionAccept: risk.Accept,
		isolationreport.ActionReject: risk.Reject, isolationreport.ActionWithdraw: risk.Withdraw} {
		router.Action(action, func(ctx context.Context, action bot.Action) error { return h.act(ctx, action, act) })
	}
	router.View(isolationreport.ViewDecide, h.decided)
}

// offer opens the form that asks why a risk of a report can be accepted.
func (h *Handlers) offer(ctx context.Context, action bot.Action) error {
	if _, err := h.host.Require(ctx, action, uuid.Nil); err != nil {
		return h.host.Answer(ctx, action, err)
	}
	place, err := isolationreport.ParsePlace(action.Value)
	if err != nil {
		return fmt.Errorf("risk %q: %w", action.Value, err)
	}
	record, err := h.store.Report(ctx, place.Report)
	if err != nil {
		return h.host.Answer(ctx, action, err)
	}
	found := place.Risk(record)
	if found == nil {
		return h.host.Answer(ctx, action, errNoRisk)
	}
	err = h.host.Open(ctx, action.TriggerID, isolationreport.OfferForm(place, found, time.Now()))
	return h.host.Answer(ctx, action, err)
}

// errNoRisk is for whoever presses in a report that is not kept any more.
const errNoRisk = refusal.Sentence("This report is too old. Ask for a new one: `" + render.IsolationCommand + "`.")

// offered asks others to accept the risk for which somebody sent the form.
func (h *Handlers) offered(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var place isolationreport.Place
	if err := json.Unmarshal([]byte(submission.Metadata), &place); err != nil {
		return bot.Answer{}, fmt.Errorf("risk: %w", err)
	}
	err := h.ask(ctx, submission, place)
	until, isUntil := errors.AsType[*risk.UntilError](err)
	decided, isDecided := errors.AsType[*risk.DecidedError](err)
	switch {
	case isUntil:
		return bot.FieldErrors(map[string]string{
			isolationreport.BlockUntil: isolationreport.UntilText(until)}), nil
	case isDecided:
		link := h.host.Address(ctx, isolationreport.RiskKey(decided.Request.ID))
		err = refusal.Sentence(isolationreport.AskedText(decided, link))
	}
	return h.host.Refuse(ctx, submission, place.Report.String(), err), nil
}

func (h *Handlers) ask(ctx context.Context, submission bot.Submission, place isolationreport.Place) error {
	source, err := h.host.Require(ctx, submission.Press(), uuid.Nil)
	if err != nil {
		return err
	}
	record, err := h.store.Report(ctx, place.Report)
	if err != nil {
		return err
	}
	request := isolationreport.Request(place, record,
		submission.State[isolationreport.BlockUntil][isolationreport.ActionUntil].SelectedDate)
	if request == nil {
		return errNoRisk
	}
	given := service.Decision{Operator: submission.Person.ID, Source: source}
	given.Reason, _ = refusal.Typed(submission.State)
	return h.risks.Ask(ctx, request, given)
}

// act counts a press, or opens the form for what is missing.
func (h *Handlers) act(ctx context.Context, action bot.Action, act risk.Act) error {
	id, err := uuid.Parse(action.Value)
	if err != nil {
		return fmt.Errorf("risk %q: %w", action.Value, err)
	}
	source, err := h.host.Require(ctx, action, id)
	if err == nil {
		err = h.risks.Act(ctx, id, act, service.Decision{Operator: action.Person.ID, Source: source})
	}
	if needed, ok := errors.AsType[*onboarding.ConfirmationNeededError](err); ok {
		var request *risk.Request
		if request, err = h.risks.Request(ctx, id); err == nil {
			err = h.host.Open(ctx, action.TriggerID, isolationreport.DecideForm(request, act, needed))
		}
	}
	return h.host.Answer(ctx, action, riskError(err))
}

// decided counts a decision that came with what it needs.
func (h *Handlers) decided(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var meta isolationreport.DecideMeta
	if err := json.Unmarshal([]byte(submission.Metadata), &meta); err != nil {
		return bot.Answer{}, fmt.Errorf("risk: %w", err)
	}
	source, err := h.host.Require(ctx, submission.Press(), meta.Risk)
	if err == nil {
		given := service.Decision{Operator: submission.Person.ID, Source: source}
		given.Reason, given.Code = refusal.Typed(submission.State)
		err = h.risks.Act(ctx, meta.Risk, meta.Act, given)
	}
	return h.host.Refuse(ctx, submission, meta.Risk.String(), riskError(err)), nil
}

// riskError words what runs say in other words.
func riskError(err error) error {
	decided, ok := errors.AsType[*risk.DecidedError](err)
	switch {
	case ok:
		return refusal.Sentence(isolationreport.DecidedText(decided, time.Now()))
	case errors.Is(err, onboarding.ErrOwnRequest):
		return refusal.Sentence("You asked to accept this risk, so another operator must decide. " +
			"*Withdraw* takes your request back.")
	case errors.Is(err, onboarding.ErrOtherChange):
		return refusal.Sentence("The bot did not sign this request, so nothing was accepted. The request is older " +
			"than `second_factor.key`, or somebody may be writing to the bot's database: tell an administrator.")
	}
	return err
}
