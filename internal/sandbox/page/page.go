// Package page shows a simulated workspace in a browser: one page, one script and one style sheet.
// People type, press and fill in forms there; several windows can be several people at once. The
// page is rendered here, and the script replaces what has changed when the server says so.
//
// It knows no app. What it shows beside the workspace, and what it can break, comes from its
// [Config].
package page

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

//go:embed page.html page.css page.js
var files embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{"in": inThread}).
	ParseFS(files, "page.html"))

// Config is what a page shows.
type Config struct {
	Workspace *workspace.Workspace
	// Channel is the name of the channel that opens first.
	Channel string
	// Welcome is shown in that channel until somebody has written there. nil shows nothing.
	Welcome *Welcome
	// Panels are what can be seen beside the workspace.
	Panels []Panel
	// Faults are what a person can break there.
	Faults []Fault
	// Sites serves the sites of the world at /site/HOST/, for frames in panels. A link to one of them
	// opens the panel with the ID "site". nil serves nothing.
	Sites http.Handler
}

// Welcome greets people, and offers them a first command to send.
type Welcome struct {
	Title     string
	Sentences []string
	// Command is sent with what a person enters after it. Label names the input, Example fills it.
	Command, Label, Example string
}

// Panel is one view of the world outside of the workspace.
type Panel struct {
	// ID is part of the page's address.
	ID, Title string
	// Show renders it. It is called whenever the page is drawn.
	Show func(context.Context) (template.HTML, error)
}

// Fault is something that a person can break.
type Fault struct {
	// ID is part of the address that breaks it.
	ID, Label string
	// Expect says what should happen then.
	Expect string
	// Do breaks it, and returns what was done.
	Do func(context.Context) (string, error)
	// Now says what is broken at this moment, "" if nothing is. nil says nothing.
	Now func(context.Context) string
}

// page serves what Handler describes.
type page struct {
	Config
	slack workspace.Config

	mu sync.Mutex
	// done says what a fault did last, and when, by its ID.
	done map[string]string
}

// panelTimeout bounds how long a panel may take to show.
const panelTimeout = 5 * time.Second

// Handler serves the page at /, what its script calls, and everything of [workspace.Workspace.Control].
// It refuses requests that another site's page sends, and other names than this machine's.
func Handler(config Config) http.Handler {
	p := &page{Config: config, slack: config.Workspace.Config(), done: map[string]string{}}
	mux := http.NewServeMux()
	mux.Handle("/", config.Workspace.Control())
	mux.HandleFunc("GET /{$}", p.servePage)
	mux.HandleFunc("GET /live", p.serveLive)
	mux.HandleFunc("GET /file/{id}", p.serveFile)
	mux.HandleFunc("POST /break/{id}", p.serveBreak)
	mux.HandleFunc("GET /page.css", serveAsset)
	mux.HandleFunc("GET /page.js", serveAsset)
	if config.Sites != nil {
		mux.Handle("GET /site/", config.Sites)
	}
	return http.NewCrossOriginProtection().Handler(onlyHere(mux))
}

// onlyHere refuses names that are not this machine's. A name of another site may resolve to the
// loopback address, and then its page counts as this page's origin (DNS rebinding).
func onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(rw, "this page answers at a loopback address only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func serveAsset(rw http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(rw, r, files, r.URL.Path[1:])
}

// servePage shows one person's screen. Query: user, channel (id or name), thread (ts), view=home,
// world (a panel).
func (p *page) servePage(rw http.ResponseWriter, r *http.Request) {
	user := r.FormValue("user")
	if user == "" {
		user = p.people()[0].ID
	}
	screen, err := p.Workspace.Look(r.Context(), user, 0)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusNotFound)
		return
	}
	shown, err := p.draw(r, screen)
	var out bytes.Buffer
	if err == nil {
		err = pageTemplate.Execute(&out, shown)
	}
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("Content-Security-Policy",
		"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src * data:; frame-ancestors 'self'")
	_, _ = rw.Write(out.Bytes()) // The browser may be gone.
}

// people are those that a person can act as.
func (p *page) people() []workspace.User {
	var all []workspace.User
	for _, u := range p.slack.Users {
		if !u.IsBot && !u.Deleted {
			all = append(all, u)
		}
	}
	return all
}

func (p *page) serveFile(rw http.ResponseWriter, r *http.Request) {
	data, ok := p.Workspace.File(r.PathValue("id"))
	if !ok {
		http.NotFound(rw, r)
		return
	}
	kind := http.DetectContentType(data)
	if !strings.HasPrefix(kind, "image/") {
		kind = "text/plain; charset=utf-8" // Never a page of this site.
	}
	rw.Header().Set("Content-Type", kind)
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = rw.Write(data)
}

// serveBreak breaks something. What was done is shown at its button from then on.
func (p *page) serveBreak(rw http.ResponseWriter, r *http.Request) {
	for _, f := range p.Faults {
		if f.ID != r.PathValue("id") {
			continue
		}
		done, err := f.Do(r.Context())
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		p.mu.Lock()
		p.done[f.ID] = time.Now().UTC().Format("15:04:05") + " " + done
		p.mu.Unlock()
		return
	}
	http.NotFound(rw, r)
}

// said is what a fault did last.
func (p *page) said(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done[id]
}
