// Package acme runs certificate authorities of the sandbox: pebble, an ACME server (RFC 8555) that
// validates for real, and the sandbox's own small authority, which signs what no ACME client asks
// for.
//
// A pebble keeps nothing on disk: after a restart its accounts are unknown and its root is
// another.
package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/daemon"
)

// Config is one ACME server.
type Config struct {
	// Dir is the directory for its files.
	Dir string
	// Host is the name in its directory URL, and Address the IPv4 address to listen on.
	Host, Address string
	// Port serves the directory, and the port after it pebble's management interface.
	Port int
	// Resolver is the name server, host:port, that validation asks.
	Resolver string
	// Lifetime is how long its certificates are valid. Default 90 days.
	Lifetime time.Duration
	// RejectNonces makes it reject one good nonce in twenty, as real servers do at times.
	RejectNonces bool
	// Endpoint signs the certificate of the directory itself.
	Endpoint *Authority
}

// Server is a running ACME server.
type Server struct {
	// Directory is the URL for certbot's --server.
	Directory string

	config     Config
	daemon     *daemon.Daemon
	management string
	client     *http.Client
}

// Start runs an ACME server and returns when it answers.
func Start(ctx context.Context, config Config) (*Server, error) {
	pebble, err := daemon.Program("pebble", "pebble")
	if err != nil {
		return nil, err
	}
	if config.Lifetime == 0 {
		config.Lifetime = 90 * 24 * time.Hour
	}
	if err := os.MkdirAll(config.Dir, 0o755); err != nil {
		return nil, err
	}
	certificate, key, err := config.Endpoint.issueFiles(config.Dir, config.Host)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config:     config,
		Directory:  fmt.Sprintf("https://%s:%d/dir", config.Host, config.Port),
		management: fmt.Sprintf("https://%s:%d", config.Host, config.Port+1),
		client:     config.Endpoint.client(config.Address),
	}
	settings, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress":             net.JoinHostPort(config.Address, strconv.Itoa(config.Port)),
		"managementListenAddress":   net.JoinHostPort(config.Address, strconv.Itoa(config.Port+1)),
		"certificate":               certificate,
		"privateKey":                key,
		"httpPort":                  80,
		"tlsPort":                   443,
		"certificateValidityPeriod": int64(config.Lifetime / time.Second),
	}})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(config.Dir, "pebble.json")
	if err := os.WriteFile(file, settings, 0o644); err != nil {
		return nil, err
	}
	reject := "0"
	if config.RejectNonces {
		reject = "5"
	}
	s.daemon, err = daemon.Start(ctx, daemon.Config{
		Name:    "pebble",
		Command: []string{pebble, "-config", file, "-dnsserver", config.Resolver},
		Env:     []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0", "PEBBLE_WFE_NONCEREJECT=" + reject},
		Log:     filepath.Join(config.Dir, "log"),
		Ready:   s.ready,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) ready(ctx context.Context) error {
	if err := daemon.Listens(net.JoinHostPort(s.config.Address, strconv.Itoa(s.config.Port)))(ctx); err != nil {
		return err
	}
	return daemon.Listens(net.JoinHostPort(s.config.Address, strconv.Itoa(s.config.Port+1)))(ctx)
}

// Root is the certificate, in PEM, that clients of its certificates must trust.
func (s *Server) Root(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.management+"/roots/0", nil)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("root of %s: %w", s.Directory, err)
	}
	defer response.Body.Close()
	pem, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK || !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, errors.New("root of " + s.Directory + ": " + response.Status)
	}
	return pem, nil
}

// Daemon is pebble itself.
func (s *Server) Daemon() *daemon.Daemon { return s.daemon }

// client trusts the authority alone and finds every host at one address, so that it works before
// DNS does.
func (a *Authority) client(address string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: a.Pool()},
		DialContext: func(ctx context.Context, network, target string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(target)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(address, port))
		},
		DisableKeepAlives: true,
	}}
}
