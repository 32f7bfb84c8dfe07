// Package testbed puts together the sandbox, a simulated Slack workspace with people who type and
// press, and the product's own binary. The demo, the acceptance tests and the benchmark use it.
//
// The product runs as a process of its own, as operators start it, so a test can kill it.
package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// The people of the workspace.
const (
	Ana  = workspace.Ana  // requests
	Bo   = workspace.Bo   // approves
	Cleo = workspace.Cleo // approves too
	Gus  = workspace.Gus  // a guest
)

// Channel is the operators' channel.
const Channel = workspace.OpsChannel

// slackPort is the port of the workspace's Web API in the sandbox.
const slackPort = "80"

// Config changes the defaults of a testbed.
type Config struct {
	World sandbox.Config
	// Workspace changes the workspace's configuration.
	Workspace func(*workspace.Config)
	// Slack wraps what answers the product's requests to Slack. It may be nil.
	Slack func(http.Handler) http.Handler
	// Bot changes the product's configuration.
	Bot func(*Settings)
}

// Testbed is a sandbox with a Slack workspace.
type Testbed struct {
	*sandbox.World
	Slack *workspace.Workspace
	// ConfigFile is the product's configuration file.
	ConfigFile string

	servers   []*http.Server
	pressing  *sync.Mutex
	configure func(*Settings)
}

// Open starts everything but the product. Like [sandbox.Start] it must run inside a namespace.
func Open(ctx context.Context, dir string, config Config) (*Testbed, error) {
	world, err := sandbox.Start(ctx, dir, config.World)
	if err != nil {
		return nil, err
	}
	s := &Testbed{World: world, pressing: new(sync.Mutex), ConfigFile: filepath.Join(dir, "config.yaml")}
	if err := s.open(config); err != nil {
		s.Close()
		return nil, fmt.Errorf("testbed: %w", err)
	}
	return s, nil
}

func (s *Testbed) open(config Config) error {
	simulated := workspace.Sample()
	if err := install(&simulated.App); err != nil {
		return err
	}
	if config.Workspace != nil {
		config.Workspace(&simulated)
	}
	var err error
	if s.Slack, err = workspace.New(simulated); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(sandbox.WorkspaceAddress, slackPort))
	if err != nil {
		return err
	}
	handler := s.Slack.Handler()
	if config.Slack != nil {
		handler = config.Slack(handler)
	}
	s.serve(listener, handler)
	s.configure = config.Bot
	return s.Configure(s.ConfigFile, func(*Settings) {})
}

// Configure writes a configuration file of the product with further changes, such as for another
// replica.
func (s *Testbed) Configure(file string, change func(*Settings)) error {
	settings := s.settings()
	if s.configure != nil {
		s.configure(settings)
	}
	change(settings)
	return os.WriteFile(file, []byte(settings.YAML()), 0o600)
}

func (s *Testbed) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "testbed:", err)
		}
	}()
}

// Person returns a person of the workspace by id.
func (s *Testbed) Person(id string) *workspace.Person { return workspace.As(s.Slack, id) }

// Close stops everything but the product.
func (s *Testbed) Close() {
	for _, server := range s.servers {
		_ = server.Close()
	}
	if s.Slack != nil {
		s.Slack.Close()
	}
	s.World.Close()
}
