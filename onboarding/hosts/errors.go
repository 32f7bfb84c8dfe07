package hosts

import (
	"errors"
	"fmt"
	"strings"
)

// What can go wrong besides a command that fails, which is an [*ExitError].
var (
	// ErrUnreachable says that the command did not begin: nothing has happened on the host.
	ErrUnreachable = errors.New("host unreachable")
	// ErrLost says that it is unknown how the command ended. One with a lock continues to its end
	// on the host: call Settle, then observe.
	ErrLost = errors.New("contact with the command was lost")
	// ErrTimeout says that the command was ended at its time limit.
	ErrTimeout = errors.New("time limit reached")
	// ErrBusy says that the lock was held for as long as the caller would wait: the command has
	// not begun.
	ErrBusy = errors.New("lock is taken")
	// ErrFenced says that a later holder of the same work has used the host, see [Fence]: the
	// command has not begun.
	ErrFenced = errors.New("another process has taken over this work")
	// ErrTooLong says that a command or file gave more than this package keeps in memory.
	ErrTooLong = errors.New("more data than expected")
)

// ExitError is a command that ran to its end and did not exit with 0.
type ExitError struct {
	Host    string
	Command string // as Command.String has it
	Code    int    // 128+N after signal N; over ssh 255 reads 254, since ssh itself uses 255
	Tail    string // the last lines of its standard error, or of its output where there is none
}

// Error names the host, the command, the status, and the last line that the command left.
func (e *ExitError) Error() string {
	text := fmt.Sprintf("%s: %s: exit status %d", e.Host, brief(e.Command), e.Code)
	if last := lastLine(e.Tail); last != "" {
		text += ": " + last
	}
	return text
}

// brief names a command within a sentence: a script that is one of its arguments would bury what
// the sentence is about.
func brief(command string) string {
	const limit = 160
	line, _, more := strings.Cut(command, "\n")
	if runes := []rune(line); len(runes) > limit {
		line, more = string(runes[:limit]), true
	}
	if more {
		line += "…"
	}
	return line
}
