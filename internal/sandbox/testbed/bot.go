package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// Bot is a running process of the product.
type Bot struct {
	// Log is the file with its output.
	Log string

	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

var started atomic.Int64

// Start starts the product by a command, to which it adds "serve -config FILE". It returns at
// once.
func (s *Testbed) Start(command []string, environment ...string) (*Bot, error) {
	return s.StartWith(s.ConfigFile, command, environment...)
}

// StartWith is Start with another configuration file.
func (s *Testbed) StartWith(file string, command []string, environment ...string) (*Bot, error) {
	cmd := exec.Command(command[0], append(command[1:], "serve", "-config", file)...)
	cmd.Env = append(os.Environ(), environment...)
	return s.Run(cmd)
}

// Run starts the product by a complete command. It returns at once.
func (s *Testbed) Run(cmd *exec.Cmd) (*Bot, error) {
	log, err := os.Create(filepath.Join(s.Dir, fmt.Sprintf("bot-%d.log", started.Add(1))))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b := &Bot{Log: log.Name(), cmd: cmd, done: make(chan struct{})}
	go func() {
		b.err = cmd.Wait()
		close(b.done)
	}()
	return b, nil
}

// Kill kills the product with SIGKILL. Processes that it started keep running.
func (b *Bot) Kill() {
	_ = b.cmd.Process.Kill()
	<-b.done
}

// Freeze stops the product as a hypervisor does: it keeps its connections and does nothing.
func (b *Bot) Freeze() error { return b.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen product go on.
func (b *Bot) Thaw() error { return b.cmd.Process.Signal(syscall.SIGCONT) }

// Stop sends SIGTERM, waits for the product to end and returns its error.
func (b *Bot) Stop() error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-b.done:
		return b.err
	case <-time.After(60 * time.Second):
		b.Kill()
		return errors.New("the bot did not end within a minute")
	}
}

// Done is closed when the product ended by itself.
func (b *Bot) Done() <-chan struct{} { return b.done }

// Connected waits until the product has opened a Socket Mode connection. It looks at the events of
// the transcript after a number.
func (s *Testbed) Connected(ctx context.Context, b *Bot, after int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		events, err := s.Slack.Transcript(ctx, after)
		if err != nil {
			return err
		}
		for _, event := range events {
			if event.Kind == "socket" && event.Name == "open" {
				return nil
			}
		}
		select {
		case <-b.done:
			log, _ := os.ReadFile(b.Log)
			return fmt.Errorf("the bot ended: %w: %s", b.err, log)
		case <-ctx.Done():
			return errors.New("the bot did not connect within 20 s")
		case <-time.After(2 * time.Millisecond):
		}
	}
}
