package commands

import (
	"log/slog"
	"sync"

	"github.com/atlilith/onboardbot/bot"
)

// Handlers is where operators are served: it answers what they type and press.
type Handlers struct {
	*Projector
	workspace *bot.Workspace
	reports   Reports
	log       *slog.Logger

	// late counts what goes on after its acknowledgement has left.
	late sync.WaitGroup
}

// New returns a desk. [Handlers.Register] puts it to work, [Handlers.Drain] waits for what it still does at the end.
func New(renderer *Projector, workspace *bot.Workspace, reports Reports, log *slog.Logger) (*Handlers, error) {
	if err := reports.validate(); err != nil {
		return nil, err
	}
	return &Handlers{Projector: renderer, workspace: workspace, reports: reports, log: log.With("part", "commands")}, nil
}

// Register tells the router what the desk answers.
func (d *Handlers) Register(router *bot.Router) {
	router.Command(d.config.Command, d.onboard)
	d.registerForm(router)
	d.registerDecisions(router)
	d.registerSteering(router)
	d.registerReview(router)
	router.Event("app_home_opened", d.homeOpened)
}
