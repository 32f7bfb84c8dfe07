// Package stage puts a whole world, a Slack workspace and the product's own binary together, with
// people who act: for the demo, for the tests that play a run from the first command to the live
// site, and for the benchmark.
//
// It starts the product as a process of its own, the way operators do, so that it can be killed.
package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// The people of the stage.
const (
	Ana  = workspace.Ana  // asks
	Bo   = workspace.Bo   // approves
	Cleo = workspace.Cleo // approves too
	Gus  = workspace.Gus  // a guest
)

// Channel is where the operators are.
const Channel = workspace.OpsChannel

// slackPort is where the workspace listens, inside the world.
const slackPort = "80"

// Config is what a stage is set with. Its zero value is a whole one.
type Config struct {
	World sandbox.Config
	// Workspace changes the workspace before it opens.
	Workspace func(*workspace.Config)
	// Bot changes the product's configuration before it is written.
	Bot func(*Settings)
	// Control is where the workspace is shown outside of the world, as a page. Nil: nowhere.
	Control net.Listener
}

// Stage is a world with a workspace.
type Stage struct {
	*sandbox.World
	Slack *workspace.Workspace
	// ConfigFile is the product's configuration.
	ConfigFile string

	servers []*http.Server
}

// Open starts everything but the product. It must run inside a namespace, as [sandbox.Start] says.
func Open(ctx context.Context, dir string, config Config) (*Stage, error) {
	world, err := sandbox.Start(ctx, dir, config.World)
	if err != nil {
		return nil, err
	}
	s := &Stage{World: world, ConfigFile: filepath.Join(dir, "config.yaml")}
	if err := s.open(config); err != nil {
		s.Close()
		return nil, fmt.Errorf("stage: %w", err)
	}
	return s, nil
}

func (s *Stage) open(config Config) error {
	house := workspace.Sample()
	if err := install(&house.App); err != nil {
		return err
	}
	if config.Workspace != nil {
		config.Workspace(&house)
	}
	var err error
	if s.Slack, err = workspace.New(house); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(sandbox.WorkspaceAddress, slackPort))
	if err != nil {
		return err
	}
	s.serve(listener, s.Slack.Handler())
	if config.Control != nil {
		s.serve(config.Control, s.Slack.Control())
	}
	settings := s.settings()
	if config.Bot != nil {
		config.Bot(settings)
	}
	return os.WriteFile(s.ConfigFile, []byte(settings.YAML()), 0o600)
}

func (s *Stage) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "stage:", err)
		}
	}()
}

// Person returns somebody of the workspace.
func (s *Stage) Person(id string) *workspace.Person { return workspace.As(s.Slack, id) }

// Close ends the stage with everything on it.
func (s *Stage) Close() {
	for _, server := range s.servers {
		_ = server.Close()
	}
	if s.Slack != nil {
		s.Slack.Close()
	}
	s.World.Close()
}
