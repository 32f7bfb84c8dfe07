package hosts

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// MaxOutput is how much Output, ReadFile and ReadTree keep in memory.
const MaxOutput = 32 << 20

// tailLines is how many lines of its output an ExitError carries.
const tailLines = 20

// Run runs the command and tells onLine, which may be nil, of every line as it comes, one at a
// time; the command waits for it once its pipes are full. Run returns what it saw also when it
// fails: with *ExitError, ErrTimeout, ErrUnreachable, ErrLost, ErrBusy, ErrFenced or the context's
// error.
func (h *Host) Run(ctx context.Context, c Command, onLine func(Line)) (Result, error) {
	return h.run(ctx, c, nil, onLine)
}

// Output runs the command and returns its standard output as it is, up to MaxOutput bytes; of a
// command with a lock, that is both outputs. Errors are those of Run, and ErrTooLong.
func (h *Host) Output(ctx context.Context, c Command) ([]byte, error) {
	out := &bounded{}
	if _, err := h.run(ctx, c, out, nil); err != nil {
		return nil, err
	}
	if out.over {
		return nil, fmt.Errorf("%s: %s: %w: over %d bytes", h.config.Name, brief(c.String()), ErrTooLong, MaxOutput)
	}
	return out.kept.Bytes(), nil
}

// bounded keeps the first MaxOutput bytes and discards the rest, so the command can end.
type bounded struct {
	kept bytes.Buffer // not embedded: its ReadFrom knows no bounds
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := MaxOutput - b.kept.Len(); len(p) > room {
		b.over = true
		_, _ = b.kept.Write(p[:room])
		return len(p), nil
	}
	return b.kept.Write(p)
}

// run gives standard output to raw where there is one, and else to onLine line by line.
func (h *Host) run(ctx context.Context, c Command, raw io.Writer, onLine func(Line)) (Result, error) {
	unknown := Result{Code: -1}
	if err := c.validate(); err != nil {
		return unknown, fmt.Errorf("%s: %w", h.config.Name, err)
	}
	c.Timeout = cmp.Or(c.Timeout, h.config.Timeout)
	if c.Lock == "" && c.Idle == "" {
		return h.attempt(ctx, c, raw, onLine)
	}
	if c.Lock != "" {
		done, err := h.turn(ctx, c.Lock)
		if err != nil {
			return unknown, err
		}
		defer done()
	}
	var result Result
	err := h.untilFree(ctx, c.Lock+c.Idle, func() error {
		var err error
		result, err = h.attempt(ctx, c, raw, onLine)
		return err
	})
	return result, err
}

// attempt runs the command once. It fails with ErrBusy, nothing begun and nothing told, when the
// lock is taken.
func (h *Host) attempt(ctx context.Context, c Command, raw io.Writer, onLine func(Line)) (Result, error) {
	seen := &transcript{onLine: onLine}
	if err := ctx.Err(); err != nil {
		return Result{Code: -1}, fmt.Errorf("%s: %s: %w", h.config.Name, brief(c.String()), err)
	}
	process, err := h.start(c, raw, seen)
	if err != nil {
		return Result{Code: -1}, fmt.Errorf("%s: %s: %w", h.config.Name, brief(c.String()), err)
	}
	limit := c.Timeout
	if c.Lock != "" {
		limit += killAfter + h.config.ConnectTimeout // the host ends it, and is heard before this
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var cut error
	select {
	case <-process.ended:
	case <-ctx.Done():
		cut = ctx.Err()
	case <-timer.C:
		cut = ErrTimeout
	}
	if cut != nil {
		process.leave()
	}
	result := seen.close()
	result.Duration, result.Code = time.Since(process.began), -1
	switch {
	case cut == nil:
		result.Code, err = h.outcome(c, process, result)
		return result, err
	case c.Lock != "":
		return result, fmt.Errorf("%s: %s: %w, it continues there: %w", h.config.Name, brief(c.String()), ErrLost, cut)
	default:
		return result, fmt.Errorf("%s: %s: %w", h.config.Name, brief(c.String()), cut)
	}
}

// outcome returns the error that an exit status stands for.
func (h *Host) outcome(c Command, p *process, result Result) (code int, err error) {
	code, err = p.status()
	switch {
	case err != nil:
		return code, fmt.Errorf("%s: %s: %w", h.config.Name, brief(c.String()), err)
	case code == sshFailed && !h.Local():
		err = h.sshError(p.sshLog)
		if errors.Is(err, ErrUnreachable) {
			return -1, err // whatever the command
		}
		return -1, fmt.Errorf("%s: %w", brief(c.String()), err)
	case !h.commandBegan(p):
		_, out := p.stdout.opened()
		_, errs := p.stderr.opened()
		return -1, fmt.Errorf("%s: %s: %w: the host did not begin the command, and printed %q: "+
			"check the account's login shell and forced commands",
			h.config.Name, brief(c.String()), ErrLost, strings.TrimSpace(out+" "+errs))
	case code == 0:
		return code, nil
	case code == busyCode && result.busy:
		taken := Taken{Host: h.config.Name, Lock: c.Lock + c.Idle, Owner: result.owner}
		if c.Waiting != nil {
			c.Waiting(taken)
		}
		return -1, fmt.Errorf("%w: %s", ErrBusy, taken)
	case code == fencedCode && result.fenced:
		return -1, fmt.Errorf("%s: %w", h.config.Name, ErrFenced)
	case c.Lock != "" && slices.ContainsFunc(result.Last(tailLines, 0), saysTimeout):
		return -1, fmt.Errorf("%s: %s: %w (%v)", h.config.Name, brief(c.String()), ErrTimeout, c.Timeout)
	}
	tail := result.Last(tailLines, Stderr)
	if c.Lock != "" { // both outputs of the command are one; a shell may warn on the other
		tail = result.Last(tailLines, Stdout)
	}
	if len(tail) == 0 {
		tail = result.Last(tailLines, 0)
	}
	return code, &ExitError{Host: h.config.Name, Command: c.String(), Code: code, Tail: strings.Join(tail, "\n")}
}

// commandBegan notes what the host printed before a command began, and reports whether it began.
func (h *Host) commandBegan(p *process) bool {
	if p.stdout == nil {
		return true
	}
	began, greeting := p.stdout.opened()
	if began {
		h.mu.Lock()
		h.greeting = greeting
		h.mu.Unlock()
	}
	return began
}

// Greeting is what the host printed on standard output before the last command, empty if nothing.
func (h *Host) Greeting() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.greeting
}

// saysTimeout knows the words with which timeout --verbose of GNU coreutils announces that it ends
// its command.
func saysTimeout(line string) bool {
	return strings.HasPrefix(line, "timeout: sending signal ")
}

// IsExit reports whether the error is that of a command that ended with this exit status.
func IsExit(err error, code int) bool {
	var exit *ExitError
	return errors.As(err, &exit) && exit.Code == code
}
