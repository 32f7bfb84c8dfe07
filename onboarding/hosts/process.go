package hosts

import (
	"bytes"
	_ "embed"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"al.essio.dev/pkg/shellescape"

	"github.com/atlilith/onboardbot/internal/routine"
)

// runScript defines the function onboardbot, which runs a command in a directory: DIR COMMAND...
// It is part of another script, since each shell costs time.
//
//go:embed run.sh
var runScript string

//go:embed change.sh
var changeScript string

// drainFor is how long the outputs of an ended process stay open for a child of it that still
// holds them.
const drainFor = 2 * time.Second

// process is one command under way: the shell that runs it here, or the ssh that does so there.
type process struct {
	cmd     *exec.Cmd
	seen    *transcript
	began   time.Time
	local   bool
	locked  bool
	logFile string        // ssh's own words go here, apart from the command's
	stdout  *opening      // of a remote command, nil of a local one
	stderr  *opening      // as stdout
	ended   chan struct{} // closed once the fields below are set
	waitErr error
	sshLog  string
}

// start begins the command. Standard output goes to raw where there is one, the rest to seen.
func (h *Host) start(c Command, raw io.Writer, seen *transcript) (*process, error) {
	p := &process{seen: seen, local: h.Local(), locked: c.Lock != "", ended: make(chan struct{})}
	dir, argv := c.Dir, c.argv()
	switch {
	case p.locked:
		argv = append([]string{"bash", "-c", changeScript, "onboardbot", h.lockFile(c.Lock), seconds(c.Timeout), c.Dir,
			h.fenceFile(c.Fence), strconv.FormatInt(c.Fence.Number, 10), c.Fence.owner(), strconv.Itoa(len(c.Stdin))},
			argv...)
		dir = ""
	case c.Idle != "":
		argv = append([]string{"bash", "-c", idleScript, "onboardbot", h.lockFile(c.Idle)}, argv...)
	}
	release := func() {}
	mark := ""
	if p.local && !p.locked {
		argv = append([]string{"sh", "-c", runScript + `onboardbot "$@"`, "onboardbot", dir}, argv...)
	}
	if !p.local {
		mark = newMark()
		argv = append([]string{"sh", "-c", openScript, "onboardbot", mark, dir}, argv...)
		log, err := os.CreateTemp(h.config.ControlDir, "log-")
		if err != nil {
			return nil, err
		}
		_ = log.Close()
		p.logFile = log.Name()
		share := false
		select {
		case h.sessions <- struct{}{}:
			share, release = true, func() { <-h.sessions }
		default:
		}
		// What the host's login shell reads is quoted here and nowhere else.
		argv = append(append([]string{"ssh"}, h.sshOptions(share)...), "-T", "-E", p.logFile, "--", h.config.SSH,
			shellescape.QuoteCommand(argv))
	}
	stdout, stderr := &lineWriter{stream: Stdout, to: seen.add}, &lineWriter{stream: Stderr, to: seen.add}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of this process's terminal and group
	p.cmd.WaitDelay = drainFor
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	if raw != nil {
		p.cmd.Stdout = raw
	}
	if !p.local {
		p.cmd.Env = withoutLocale()
		p.stdout = newOpening(mark, p.cmd.Stdout, p.locked)
		p.stderr = newOpening(mark, stderr, p.locked)
		p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	}
	if c.Stdin != nil {
		p.cmd.Stdin = bytes.NewReader(c.Stdin)
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		release()
		p.takeLog()
		return nil, err
	}
	routine.Go(func() {
		defer close(p.ended)
		p.waitErr = p.cmd.Wait()
		release()
		if p.stdout != nil {
			p.stdout.flush()
			p.stderr.flush()
		}
		stdout.end()
		stderr.end()
		p.takeLog()
	})
	return p, nil
}

func (p *process) takeLog() {
	if p.logFile == "" {
		return
	}
	log, _ := os.ReadFile(p.logFile) // without it the failure is merely less clear
	p.sshLog = string(log)
	_ = os.Remove(p.logFile)
}

// leave stops listening before the command has ended. A local command with a lock goes on; of a
// remote one only the ssh here is killed, never the shared connection; any other local command is
// killed with its children.
func (p *process) leave() {
	switch {
	case p.local && p.locked:
		return
	case p.local:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	default:
		_ = p.cmd.Process.Kill()
	}
	<-p.ended
}

// status is the exit status of an ended process, as a shell has it: the one that the command had
// on its host, whatever stands between.
func (p *process) status() (int, error) {
	for _, output := range []*opening{p.stdout, p.stderr} {
		if output != nil {
			if code, ended := output.status(); ended {
				return code, nil
			}
		}
	}
	var exit *exec.ExitError
	switch {
	case p.waitErr == nil, errors.Is(p.waitErr, exec.ErrWaitDelay):
		return 0, nil
	case !errors.As(p.waitErr, &exit):
		return -1, p.waitErr
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		if !p.local { // the ssh here was killed, and not the command there
			return sshFailed, nil
		}
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// withoutLocale is this process's environment without its locale. ssh would send that to hosts
// that may not have it (SendEnv LC_*), and would itself report failures in another language.
func withoutLocale() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "LC_") || strings.HasPrefix(variable, "LANG")
	})
}
