package workspace

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

	users  map[string]*User
	faults []*Fault
	events []Event
	lastTS int64
	lastID int64

	// The parts of the service. They share mu, under which their state is read and written.
	api        *webAPI
	rates      *rates
	socketMode *socketMode
	channels   *channels
	messages   *messages
	views      *views
	files      *files
	responses  *responses
	people     *people
	screens    *screens
}

// New makes the workspace that cfg describes. Close ends its connections and timers.
func New(cfg Config) (*Workspace, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	cfg = cfg.withDefaults()
	w := &Workspace{
		cfg: cfg, version: 1, changed: make(chan struct{}), base: "http://slack.invalid", users: map[string]*User{},
	}
	w.api = &webAPI{w: w}
	w.rates = &rates{w: w, buckets: map[string]*bucket{}}
	w.socketMode = &socketMode{w: w, tickets: map[string]ticket{}, deliveries: map[string]*delivery{}}
	w.channels = &channels{w: w, byID: map[string]*conversation{}}
	w.messages = &messages{w: w}
	w.views = newViews(w)
	w.files = &files{w: w, byID: map[string]*file{}}
	w.responses = &responses{w: w, byID: map[string]*response{}}
	w.people = &people{w: w}
	w.screens = &screens{w: w}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for i := range cfg.Users {
		w.users[cfg.Users[i].ID] = &cfg.Users[i]
	}
	w.users[cfg.App.BotUserID] = &User{
		ID:       cfg.App.BotUserID,
		Name:     cfg.App.Name,
		RealName: cfg.App.Name,
		TeamID:   cfg.Team.ID,
		IsBot:    true,
	}
	for _, ch := range cfg.Channels {
		w.channels.addConversation(ch)
	}
	return w, nil
}

// Config returns what the workspace was made of, defaults filled in.
func (w *Workspace) Config() Config { return w.cfg }

// File returns the content of a file by its id.
func (w *Workspace) File(id string) ([]byte, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.files.byID[id]
	if f == nil {
		return nil, false
	}
	return f.data, true
}

// ErrClosed is what waiting ends with when the workspace is closed.
var ErrClosed = errors.New("the workspace is closed")

// Close drops every connection and stops every timer.
func (w *Workspace) Close() {
	w.cancel()
	w.mu.Lock()
	sockets := slices.Clone(w.socketMode.sockets)
	w.mu.Unlock()
	for _, s := range sockets {
		s.drop()
	}
}

// Handler serves what the app sees of Slack: /api/ for the Web API, /link/ for Socket Mode, and
// uploads, downloads and response URLs.
func (w *Workspace) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", w.api.serveMethod)
	mux.HandleFunc("/link/", w.socketMode.serveSocket)
	mux.HandleFunc("POST /upload/v1/{file}", w.files.serveUpload)
	mux.HandleFunc("GET /files-pri/{id}/{name}", w.files.serveDownload)
	mux.HandleFunc("POST /response/{id}", w.responses.serveResponse)
	mux.HandleFunc("GET /{$}", w.files.serveSignIn)
	return mux
}

// touch wakes everyone who waits for a change that a person or a test can see. The caller holds
// mu.
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
	// The stride spreads ids: no app can rely on their order.
	n, s := uint64(w.lastID)*2654435761+1e9, ""
	for range 8 {
		s = string(digits[n%36]) + s
		n /= 36
	}
	return prefix + "0" + s
}

// later runs f after d unless the workspace is closed first.
func (w *Workspace) later(d time.Duration, f func()) {
	time.AfterFunc(d, func() {
		if w.ctx.Err() == nil {
			f()
		}
	})
}

// Forget forgets what was said and done, so a long test measures the memory of the app alone. Nothing
// may be under way.
func (w *Workspace) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = nil
	for _, cv := range w.channels.byID {
		cv.messages = nil
	}
	clear(w.responses.byID)
	clear(w.views.triggers)
	clear(w.files.byID)
	maps.DeleteFunc(w.socketMode.deliveries, func(_ string, d *delivery) bool { return d.acked })
	w.touch()
}
