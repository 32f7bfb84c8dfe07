package stage

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

// Bot is the product, running.
type Bot struct {
	// Log is the file with what it wrote.
	Log string

	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

var started atomic.Int64

// Start runs the product: the command that serves, to which "serve -config FILE" is added. It
// returns at once.
func (s *Stage) Start(command []string, environment ...string) (*Bot, error) {
	cmd := exec.Command(command[0], append(command[1:], "serve", "-config", s.ConfigFile)...)
	cmd.Env = append(os.Environ(), environment...)
	return s.Run(cmd)
}

// Run runs the product by a command that is whole. It returns at once.
func (s *Stage) Run(cmd *exec.Cmd) (*Bot, error) {
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

// Kill ends the product as kill -9 does, and nothing that it started.
func (b *Bot) Kill() {
	_ = b.cmd.Process.Kill()
	<-b.done
}

// Stop asks it to end and returns how it did.
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

// Connected waits until Slack has a connection to the product.
func (s *Stage) Connected(ctx context.Context, b *Bot, after int) error {
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
