package bot

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/webapi"
)

// Workspace is one Slack workspace as the bot reaches it: the Web API with its tokens, timeouts,
// metrics and log. Its methods answer one person at once; messages that last leave through
// package outbox.
type Workspace struct {
	api     *slack.Client
	http    *http.Client
	log     *slog.Logger
	cfg     Config
	metrics *metrics

	refusedBlocks refusedBlocks

	identity struct {
		sync.Mutex
		known *Identity
	}
}

// Identity is who the bot is in the workspace.
type Identity struct {
	// Team is the workspace, User the bot's user id, Bot its bot id (B…).
	Team, User, Bot string
	// URL is the workspace's address, ending in a slash.
	URL string
}

// NewWorkspace fills in the configuration's defaults and validates it; it makes no call.
func NewWorkspace(log *slog.Logger, cfg Config) (*Workspace, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("slack configuration: %w", err)
	}
	metrics := newMetrics()
	client := &http.Client{
		Timeout:   cfg.CallTimeout,
		Transport: webapi.CapturingTransport{Next: timedTransport{next: http.DefaultTransport, calls: metrics.calls}},
	}
	return &Workspace{
		api: slack.New(cfg.BotToken.Reveal(), slack.OptionAPIURL(cfg.APIURL), slack.OptionHTTPClient(client),
			slack.OptionAppLevelToken(cfg.AppToken.Reveal())),
		http:    client,
		log:     log.With("part", "slack"),
		cfg:     cfg,
		metrics: metrics,
	}, nil
}

// Collector counts what passes between the bot and Slack, for the program's registry.
func (w *Workspace) Collector() prometheus.Collector { return w.metrics }

// Config is the configuration with its defaults.
func (w *Workspace) Config() Config { return w.cfg }

// Log is the log of everything that passes between the bot and Slack.
func (w *Workspace) Log() *slog.Logger { return w.log }

// API is the Web API itself, for calls that this package does not wrap. Addresses in its answers
// may be secrets; its errors carry none.
func (w *Workspace) API() *slack.Client { return w.api }

// Identity asks Slack once who the bot is (auth.test) and remembers the answer. Errors that no
// retry can help wrap [webapi.ErrRevoked].
func (w *Workspace) Identity(ctx context.Context) (Identity, error) {
	w.identity.Lock()
	defer w.identity.Unlock()
	if w.identity.known != nil {
		return *w.identity.known, nil
	}
	answer, err := w.api.AuthTestContext(ctx)
	if err != nil {
		return Identity{}, fmt.Errorf("auth.test: %w", webapi.MarkRevoked(err))
	}
	w.identity.known = &Identity{Team: answer.TeamID, User: answer.UserID, Bot: answer.BotID, URL: answer.URL}
	return *w.identity.known, nil
}
