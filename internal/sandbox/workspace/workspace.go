package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Workspace is a running simulated workspace. It is safe for concurrent use.
type Workspace struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	version uint64
	changed chan struct{}
	// base is the address that the app last reached this workspace under, such as
	// http://127.0.0.1:4000.
	base string

	users         map[string]*User
	conversations map[string]*conversation
	order         []string
	modals        map[string][]*view // by person, the top one last
	homes         map[string]*view   // by person
	views         map[string]*view   // by view id, open or not
	triggers      map[string]*trigger
	responses     map[string]*response
	files         map[string]*file
	faults        []*Fault
	limits        map[string]*bucket
	events        []Event
	lastTS        int64
	lastID        int64
	tickets       map[string]ticket
	sockets       []*socket
	turn          int
	deliveries    map[string]*delivery
	stranded      []*delivery
}

// New makes the workspace that cfg describes. Close ends its connections and timers.
func New(cfg Config) (*Workspace, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	cfg = cfg.withDefaults()
	w := &Workspace{
		cfg: cfg, version: 1, changed: make(chan struct{}), base: "http://slack.invalid",
		users: map[string]*User{}, conversations: map[string]*conversation{}, modals: map[string][]*view{}, homes: map[string]*view{},
		views: map[string]*view{}, triggers: map[string]*trigger{}, responses: map[string]*response{}, files: map[string]*file{},
		limits: map[string]*bucket{}, tickets: map[string]ticket{}, deliveries: map[string]*delivery{},
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for i := range cfg.Users {
		w.users[cfg.Users[i].ID] = &cfg.Users[i]
	}
	w.users[cfg.App.BotUserID] = &User{ID: cfg.App.BotUserID, Name: cfg.App.Name, RealName: cfg.App.Name, TeamID: cfg.Team.ID, IsBot: true}
	for _, ch := range cfg.Channels {
		w.addConversation(ch)
	}
	return w, nil
}

// ErrClosed is what waiting ends with when the workspace is closed.
var ErrClosed = errors.New("the workspace is closed")

// Close drops every connection and stops every timer.
func (w *Workspace) Close() {
	w.cancel()
	w.mu.Lock()
	sockets := slices.Clone(w.sockets)
	w.mu.Unlock()
	for _, s := range sockets {
		s.drop()
	}
}

// Handler serves what the app sees of Slack: /api/ for the Web API, /link/ for Socket Mode, and
// uploads, downloads and response URLs.
func (w *Workspace) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", w.serveMethod)
	mux.HandleFunc("/link/", w.serveSocket)
	mux.HandleFunc("POST /upload/v1/{file}", w.serveUpload)
	mux.HandleFunc("GET /files-pri/{id}/{name}", w.serveDownload)
	mux.HandleFunc("POST /response/{id}", w.serveResponse)
	mux.HandleFunc("GET /{$}", w.serveSignIn)
	return mux
}

// touch says that something a person or a test can see has changed. The caller holds mu.
func (w *Workspace) touch() {
	w.version++
	close(w.changed)
	w.changed = make(chan struct{})
}

// ts makes the next message timestamp: seconds and microseconds, unique and rising. The caller
// holds mu.
func (w *Workspace) ts() string {
	now := time.Now().UnixMicro()
	if now <= w.lastTS {
		now = w.lastTS + 1
	}
	w.lastTS = now
	return fmt.Sprintf("%d.%06d", now/1e6, now%1e6)
}

// id makes a new id with a prefix, in Slack's alphabet. The caller holds mu.
func (w *Workspace) id(prefix string) string {
	w.lastID++
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	// The stride spreads ids so that they do not look like a sequence to rely on.
	n, s := uint64(w.lastID)*2654435761+1e9, ""
	for range 8 {
		s = string(digits[n%36]) + s
		n /= 36
	}
	return prefix + "0" + s
}

// later runs f after d unless the workspace is closed first.
func (w *Workspace) later(d time.Duration, f func()) {
	go func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			f()
		case <-w.ctx.Done():
		}
	}()
}
