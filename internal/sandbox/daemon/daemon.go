// Package daemon runs one server process of the sandbox: it starts it, waits until it is ready,
// and lets a test stop, kill, freeze and restart it.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Config says how to run one process.
type Config struct {
	// Name is the process's name in errors.
	Name string
	// Command is the program and its arguments. It must stay in the foreground.
	Command []string
	// Env is added to this process's environment.
	Env []string
	// Log is the file that takes its standard output and error.
	Log string
	// Ready returns nil once the process serves. It is called until then.
	Ready func(context.Context) error
	// Stop is the signal that asks it to end. Default SIGTERM.
	Stop syscall.Signal
}

// Daemon is one process, running or not. It is safe for concurrent use.
type Daemon struct {
	config Config

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
}

// readyWithin is how long a process may take to become ready. settleWithin is how long the remains
// of a killed process, such as PostgreSQL's backends, may keep the next one from starting.
const (
	readyWithin  = 20 * time.Second
	settleWithin = 3 * time.Second
)

// errEnded means that a process ended before it was ready.
var errEnded = errors.New("ended at once")

// Start runs a process and returns when it is ready.
func Start(ctx context.Context, config Config) (*Daemon, error) {
	if config.Stop == 0 {
		config.Stop = syscall.SIGTERM
	}
	d := &Daemon{config: config}
	if err := d.Start(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Start runs the process again after it was stopped or died, and returns when it is ready. It does
// nothing while it runs.
func (d *Daemon) Start(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running() {
		return nil
	}
	again := d.cmd != nil
	for began := time.Now(); ; {
		err := d.run(ctx)
		if !again || !errors.Is(err, errEnded) || time.Since(began) > settleWithin {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// run starts the process once and waits until it is ready.
func (d *Daemon) run(ctx context.Context) error {
	log, err := os.OpenFile(d.config.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w", d.config.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(d.config.Command[0], d.config.Command[1:]...)
	cmd.Env = append(os.Environ(), d.config.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", d.config.Name, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	d.cmd, d.done = cmd, done
	if err := d.ready(ctx); err != nil {
		d.end(syscall.SIGKILL)
		return err
	}
	return nil
}

func (d *Daemon) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		err := d.config.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-d.done:
			return fmt.Errorf("%s %w: %s", d.config.Name, errEnded, tail(d.config.Log))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %s", d.config.Name, err, tail(d.config.Log))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (d *Daemon) running() bool {
	if d.cmd == nil {
		return false
	}
	select {
	case <-d.done:
		return false
	default:
		return true
	}
}

// Pid returns the process's id, or 0 if it does not run.
func (d *Daemon) Pid() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running() {
		return 0
	}
	return d.cmd.Process.Pid
}

// Stop asks the process to end and returns when it has, after three seconds by force.
func (d *Daemon) Stop() { d.lockedEnd(d.config.Stop) }

// Kill kills the process and its group with SIGKILL.
func (d *Daemon) Kill() { d.lockedEnd(syscall.SIGKILL) }

func (d *Daemon) lockedEnd(s syscall.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end(s)
}

func (d *Daemon) end(s syscall.Signal) {
	if !d.running() {
		return
	}
	// An error means that the group is gone already. A frozen process hears SIGTERM only once it
	// goes on.
	_ = syscall.Kill(-d.cmd.Process.Pid, s)
	_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGCONT)
	select {
	case <-d.done:
	case <-time.After(3 * time.Second):
		_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
		<-d.done
	}
}

// Freeze suspends the process: its port still accepts, and nothing answers.
func (d *Daemon) Freeze() error { return d.Signal(syscall.SIGSTOP) }

// Thaw continues a frozen process.
func (d *Daemon) Thaw() error { return d.Signal(syscall.SIGCONT) }

// Signal sends a signal to the process and its group.
func (d *Daemon) Signal(s syscall.Signal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running() {
		return fmt.Errorf("%s: %w", d.config.Name, os.ErrProcessDone)
	}
	return syscall.Kill(-d.cmd.Process.Pid, s)
}

// Listens returns a Ready function that connects to a TCP address.
func Listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// Program finds a program that Debian may keep off an ordinary user's PATH, and says which package
// has it.
func Program(name, debianPackage string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		path, err := exec.LookPath(filepath.Join(dir, name))
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("no %s found: install the package %s", name, debianPackage)
}

// tail returns the end of a log, for an error.
func tail(path string) []byte {
	log, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	return log[max(0, len(log)-2000):]
}
