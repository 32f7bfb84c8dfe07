package commands

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/logo"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Dependencies are what the handlers work with. All are required.
type Dependencies struct {
	// Pool connects to the bot's own database, with its schema as the search path.
	Pool      *pgxpool.Pool
	Service   *service.Service
	Workspace *bot.Workspace
	Outbox    *outbox.Outbox
	People    *bot.Directory
	Signer    onboarding.Signer
	Gate      *access.Gate
	Home      *home.Tabs
	Renderer  render.Renderer
	Config    access.Config
	Log       *slog.Logger
}

// Handlers answers what operators type and press. Each family of commands and buttons is a type
// of its own.
type Handlers struct {
	replies       *responder
	messages      *messenger
	service       *service.Service
	gate          *access.Gate
	command       string
	onboard       *onboardCommand
	forms         *formHandlers
	confirmations *confirmationHandlers
	decisions     *decisionHandlers
	controls      *controlHandlers
	undos         *undoHandlers
	reviews       *reviewHandlers
	home          *home.Tabs
}

// New returns the handlers. [Handlers.Register] routes to them, and [Handlers.Drain] waits for
// their work at the end.
func New(d Dependencies) *Handlers {
	h := &Handlers{service: d.Service, gate: d.Gate, home: d.Home, command: d.Config.Command}
	h.replies = newResponder(d.Workspace, d.Gate, d.Log.With("part", "commands"))
	h.messages = &messenger{pool: d.Pool, outbox: d.Outbox}
	runs := &runFinder{service: d.Service, replies: h.replies, command: h.command}
	origins := &provenance{pool: d.Pool, outbox: d.Outbox, home: d.Home, service: d.Service,
		gate: d.Gate, signer: d.Signer, workspace: d.Workspace, log: h.replies.log}
	plans := h.buildForms(d, origins)
	h.decisions = &decisionHandlers{service: d.Service, workspace: d.Workspace, gate: d.Gate,
		replies: h.replies, home: d.Home, origins: origins}
	h.controls = &controlHandlers{service: d.Service, replies: h.replies,
		messages: h.messages, home: d.Home, origins: origins, command: h.command}
	h.undos = &undoHandlers{service: d.Service, replies: h.replies,
		messages: h.messages, runs: runs, renderer: d.Renderer, origins: origins, clocks: clocks{d.People}}
	h.reviews = &reviewHandlers{service: d.Service, workspace: d.Workspace, gate: d.Gate, replies: h.replies,
		origins: origins, renderer: d.Renderer}
	inspections := &inspectHandlers{service: d.Service, replies: h.replies, messages: h.messages,
		runs: runs, home: d.Home, renderer: d.Renderer}
	h.onboard = &onboardCommand{service: d.Service, replies: h.replies, messages: h.messages,
		runs: runs, command: h.command, forms: h.forms, plans: plans, controls: h.controls,
		undos: h.undos, reviews: h.reviews, inspections: inspections,
		absences: &absenceHandlers{service: d.Service, replies: h.replies, command: h.command}}
	return h
}

// buildForms makes the form and the confirmation, and returns the dry runs that both need.
func (h *Handlers) buildForms(d Dependencies, origins *provenance) *planHandlers {
	drafts := &drafts{service: d.Service, log: h.replies.log}
	starter := &starter{service: d.Service, gate: d.Gate, drafts: drafts, clocks: clocks{d.People},
		hosts: d.Config.Hosts}
	plans := &planHandlers{service: d.Service, workspace: d.Workspace, replies: h.replies,
		messages: h.messages, starter: starter}
	h.confirmations = &confirmationHandlers{service: d.Service, gate: d.Gate, replies: h.replies,
		messages: h.messages, starter: starter, drafts: drafts, origins: origins, config: d.Config}
	h.forms = &formHandlers{service: d.Service, workspace: d.Workspace, gate: d.Gate,
		replies: h.replies, messages: h.messages, starter: starter, drafts: drafts, plans: plans,
		confirmations: h.confirmations, origins: origins, config: d.Config,
		logos: &logo.Fetcher{Workspace: d.Workspace, Assets: store.NewAssets(d.Pool),
			Log: h.replies.log}}
	return plans
}

// Drain waits until everything that went on after its acknowledgement has ended, or the context
// does.
func (h *Handlers) Drain(ctx context.Context) { h.replies.drain(ctx) }

// Register routes what people type and press to the handlers.
func (h *Handlers) Register(router *bot.Router) {
	router.Late(lateForms(h.decisions.origins, h.messages))
	router.Command(h.command, h.onboard.handle)
	router.Event("app_home_opened", h.home.Opened)

	for _, action := range []string{form.ActionMode, form.ActionHost, form.ActionMail} {
		router.Action(action, h.forms.reshape)
	}
	router.Action(form.ActionInput, h.forms.typed)
	router.Action(form.ActionOrg, h.forms.typed)
	router.Action(render.ActionEdit, h.forms.edit)
	router.Action(form.ActionDiscard, h.forms.discard)
	router.Options(form.ActionOrg, h.forms.orgs)
	router.View(form.ViewForm, h.forms.submitted)
	router.Action(form.ActionStart, h.confirmations.start)
	router.Action(form.ActionChange, h.confirmations.change)

	router.Action(render.ActionApprove, h.decisions.approve)
	router.Action(schedule.ActionApproveLater, h.decisions.approveLater)
	router.Action(schedule.ActionApplyNow, h.decisions.applyNow)
	router.Action(render.ActionReject, h.decisions.reject)
	router.Action(render.ActionGlass, h.decisions.breakGlass)
	router.Action(render.ActionShow, h.decisions.show)
	router.Action(render.ActionPage+"*", h.decisions.turnPage)
	router.Action(render.ActionConfirmPage+"*", h.decisions.turnConfirmation)
	router.View(render.ViewConfirm, h.decisions.confirmed)

	router.Action(render.ActionRetry, h.controls.retry)
	router.Action(render.ActionAgain, h.controls.retryAll)
	router.Action(render.ActionCheck, h.controls.checkNow)
	router.Action(render.ActionFindings, h.onboard.inspections.showFindings)
	router.Action(render.ActionCancel, h.controls.cancel)
	router.Action(render.ActionKeep, h.controls.keep)
	router.Action(render.ActionUndo, h.undos.begin)
	router.Action(render.ActionUndoAll, h.undos.begin)
	router.Action(render.ActionLeave, h.undos.leave)

	router.Action(render.ActionReview, h.reviews.open)
	router.Action(render.ActionReviewPage+"*", h.reviews.turnPage)
	router.Action(render.ActionReviewSelect+"*", h.reviews.selectPage)
	router.Action(render.ActionReviewDomain+"*", h.reviews.selectDomain)
	router.View(render.ViewReview, h.reviews.submitted)
}

// Register routes what people type and press about certificates.
func (h *CertificateHandlers) Register(router *bot.Router) {
	router.Command(render.CertificatesCommand, h.certificates)
	router.Action(certs.ActionRenew, h.renew)
	router.Action(certs.ActionWhy, h.why)
}

// Register routes what people type and press about isolation.
func (h *IsolationHandlers) Register(router *bot.Router) {
	router.Command(render.IsolationCommand, h.ask)
	h.risks.Register(router)
}
