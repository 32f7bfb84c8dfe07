// Package stage shows the whole product in a browser: a testbed, the running product, a page with
// the workspace, and beside it what an approval did to the world and what a person can break.
package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/page"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

// Config is what a stage is made of.
type Config struct {
	// Command starts the product; see [testbed.Testbed.Start]. Environment is added to its own.
	Command, Environment []string
	// Listener is where browsers reach the page.
	Listener net.Listener
	// Testbed changes the defaults of the testbed.
	Testbed testbed.Config
}

// Stage is a testbed that people see in a browser.
type Stage struct {
	*testbed.Testbed

	config Config
	server *http.Server
	before snapshot

	mu sync.Mutex
	// bot is the product; second is another replica, or nil.
	bot, second *testbed.Bot
	isolation   report
	// checking is closed when a check of isolation ends; nil if none is running.
	checking chan struct{}
}

// Open starts the testbed and the product, and serves the page. Like [testbed.Open] it must run
// inside a namespace.
func Open(ctx context.Context, dir string, config Config) (*Stage, error) {
	bed, err := testbed.Open(ctx, dir, config.Testbed)
	if err != nil {
		return nil, err
	}
	s := &Stage{Testbed: bed, config: config}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("stage: %w", err)
	}
	return s, nil
}

func (s *Stage) open(ctx context.Context) error {
	bot, err := s.Start(s.config.Command, s.config.Environment...)
	if err != nil {
		return err
	}
	s.bot = bot
	if s.before, err = s.snapshot(ctx); err != nil {
		return err
	}
	if err := s.Connected(ctx, bot, 0); err != nil {
		return err
	}
	s.server = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.server.Serve(s.config.Listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "stage:", err)
		}
	}()
	return nil
}

// handler is the page of this stage.
func (s *Stage) handler() http.Handler {
	return page.Handler(page.Config{
		Workspace: s.Slack,
		Channel:   "ops",
		Welcome: &page.Welcome{
			Title: "Onboard your first Provider",
			Sentences: []string{
				"onboardbot brings a new Provider live: rows, DNS, a site, a certificate, and proof that tenants " +
					"cannot reach each other.",
				"You are Ana, who requests; Bo approves each change, so switch to Bo in the list of people, or open " +
					"a second window for Bo with ↗ there.",
				"Everything here is real but Slack, and nothing leaves this machine: the tabs above show what each " +
					"approval did to the world, and let you break it. The registered domains are " +
					strings.Join(sandbox.Zones, ", ") + ".",
			},
			Command: "/onboard", Label: "Slug of the new Provider", Example: testbed.Merche.Slug,
		},
		Panels: s.panels(),
		Faults: s.faults(),
		Sites:  http.HandlerFunc(s.serveSite),
	})
}

// Log returns what the product logged, one process after the other.
func (s *Stage) Log() string {
	files, _ := filepath.Glob(filepath.Join(s.Dir, "bot-*.log")) // The pattern is valid.
	var all strings.Builder
	for _, file := range files {
		log, _ := os.ReadFile(file) // A log that cannot be read is as good as none.
		all.WriteString(filepath.Base(file) + "\n" + string(log))
	}
	return all.String()
}

// Stop stops the product, and returns its error.
func (s *Stage) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.second != nil {
		s.second.Kill()
		s.second = nil
	}
	return s.bot.Stop()
}

// Close stops everything.
func (s *Stage) Close() {
	if s.server != nil {
		_ = s.server.Close()
	}
	s.mu.Lock()
	for _, bot := range []*testbed.Bot{s.bot, s.second} {
		if bot != nil {
			bot.Kill()
		}
	}
	s.mu.Unlock()
	s.Testbed.Close()
}

// run runs a program and returns what it printed.
func run(ctx context.Context, name string, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) && len(failed.Stderr) > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(failed.Stderr)))
	}
	if err != nil {
		return string(out), fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return string(out), nil
}
