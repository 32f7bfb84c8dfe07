// Package portal is a small provider-portal: at {slug}.my a Provider sees who they are, and in the
// context of an Org who works there. It reads the platform's database as the application does,
// under the session's identity, so that what it shows is what row-level security lets through.
//
// Signing in is no part of it: who asks for a host is taken to be the person whose slug it is.
package portal

import (
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Suffix follows the slug in the name of every portal.
const Suffix = ".my"

// Certificates issues the certificate of one name.
type Certificates interface {
	Issue(names ...string) (tls.Certificate, error)
}

// Config is the portal.
type Config struct {
	// Address is host:port, for HTTPS.
	Address string
	// AppDSN and SSODSN connect to the platform's database as the application and as the part that
	// signs in.
	AppDSN, SSODSN string
	// Certificates signs for every name that is asked for below [Suffix].
	Certificates Certificates
}

// Portal is the running server.
type Portal struct {
	server *http.Server
	app    *pgxpool.Pool
	sso    *pgxpool.Pool
}

// Start serves the portal. It connects to the database when it is asked for the first time.
func Start(ctx context.Context, config Config) (*Portal, error) {
	p := &Portal{}
	var err error
	if p.app, err = pgxpool.New(ctx, config.AppDSN); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if p.sso, err = pgxpool.New(ctx, config.SSODSN); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	listener, err := net.Listen("tcp", config.Address)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	p.server = &http.Server{
		Handler:           p.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		TLSConfig:         &tls.Config{GetCertificate: certificates(config.Certificates)},
	}
	go func() { _ = p.server.ServeTLS(listener, "", "") }()
	return p, nil
}

// Close stops the portal.
func (p *Portal) Close() {
	_ = p.server.Close()
	p.app.Close()
	p.sso.Close()
}

// certificates issues a certificate for every name below [Suffix] that is asked for, and keeps it.
func certificates(from Certificates) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex
	issued := map[string]*tls.Certificate{}
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := strings.ToLower(hello.ServerName)
		if !strings.HasSuffix(name, Suffix) {
			return nil, errors.New("no portal by that name")
		}
		mu.Lock()
		defer mu.Unlock()
		if issued[name] == nil {
			certificate, err := from.Issue(name)
			if err != nil {
				return nil, err
			}
			issued[name] = &certificate
		}
		return issued[name], nil
	}
}

func (p *Portal) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { p.answer(w, r, page) })
	mux.HandleFunc("GET /identity.json", func(w http.ResponseWriter, r *http.Request) { p.answer(w, r, asJSON) })
	return mux
}

func (p *Portal) answer(w http.ResponseWriter, r *http.Request, write func(http.ResponseWriter, *Identity) error) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	slug, ok := strings.CutSuffix(strings.ToLower(host), Suffix)
	if !ok {
		http.NotFound(w, r)
		return
	}
	identity, err := p.identity(r.Context(), slug, r.URL.Query().Get("org"))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		http.NotFound(w, r)
	case err != nil:
		http.Error(w, "The platform's database does not answer.", http.StatusServiceUnavailable)
	default:
		if err := write(w, identity); err != nil {
			slog.DebugContext(r.Context(), "portal", "error", err)
		}
	}
}

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

func page(w http.ResponseWriter, identity *Identity) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return pageTemplate.Execute(w, identity)
}

func asJSON(w http.ResponseWriter, identity *Identity) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(identity)
}
