package hosts

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
)

// Command is what to run. Its fields may hold what people typed; none of it is read by a shell as
// anything but an argument.
type Command struct {
	// Argv is the program and its arguments.
	Argv []string
	// Dir is the working directory, absolute or starting with ~/ for the account's home on the
	// host. Empty means the home over ssh, and the working directory of this process locally.
	Dir string
	// Stdin is what the command reads; nil means nothing.
	Stdin []byte
	// Env is added to the environment. It shows in the host's process list, so secrets go through
	// Stdin.
	Env map[string]string
	// Lock names what the command needs alone, such as repo or certbot. It makes the command
	// outlive this process, see the package's guarantees, and both its outputs come as one,
	// Stdout. Letters, digits, dot, dash and underscore.
	Lock string
	// Idle names a lock that no command may hold when this one begins, and that this one does not
	// take: it observes what earlier commands did once they have ended. It waits as long as one
	// with a Lock would. Not both.
	Idle string
	// Fence says in whose name a command with a Lock runs. The zero value is nobody's.
	Fence Fence
	// Waiting is told whenever the Lock or the Idle lock is found taken, and by whom. It may be
	// nil.
	Waiting func(Taken)
	// Timeout limits the command, without the time it waits for its lock. 0 means the host's
	// default.
	Timeout time.Duration
}

// Fence keeps commands of an earlier holder of some work from beginning after a later one began. A
// host that has seen a number for a key refuses every lower one with [ErrFenced], until it
// reboots. Commands of one key run one at a time.
type Fence struct {
	Key    string // what the holders take over from each other, such as the id of a run; spelled like a Lock
	Number int64  // grows with each holder
	Owner  string // what others read who wait for the lock, on one line
}

// Taken is a lock on a host that somebody else has.
type Taken struct {
	Host, Lock string
	Owner      string // see [Fence], empty if it is not known
}

// String says whose the lock is.
func (t Taken) String() string {
	owner := cmp.Or(t.Owner, "another command")
	return fmt.Sprintf("the %s lock of %s is held by %s", t.Lock, t.Host, owner)
}

// maxOwner bounds what is kept of an owner's name, in bytes.
const maxOwner = 200

// String is the command as a person would paste it into a shell on the host.
func (c Command) String() string {
	var b strings.Builder
	if c.Dir != "" {
		b.WriteString("cd " + quotePath(c.Dir) + " && ")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		b.WriteString(name + "=" + shellescape.Quote(c.Env[name]) + " ")
	}
	b.WriteString(shellescape.QuoteCommand(c.Argv))
	return b.String()
}

var (
	lockName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (c Command) validate() error {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return errors.New("command is empty")
	}
	if strings.HasPrefix(c.Argv[0], "-") {
		return fmt.Errorf("command %q starts with a dash", c.Argv[0])
	}
	for _, text := range append([]string{c.Dir}, c.Argv...) {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("argument %q holds a NUL byte", text)
		}
	}
	if c.Dir != "" && !absolute(c.Dir) {
		return fmt.Errorf("directory %q is neither absolute nor under ~/", c.Dir)
	}
	for name, value := range c.Env {
		if !envName.MatchString(name) || strings.ContainsRune(value, 0) {
			return fmt.Errorf("environment variable %q cannot be set", name)
		}
	}
	for _, lock := range []string{c.Lock, c.Idle, c.Fence.Key} {
		if lock != "" && !lockName.MatchString(lock) {
			return fmt.Errorf("lock name %q: use letters, digits, dot, dash and underscore", lock)
		}
	}
	if c.Fence.Key != "" && c.Lock == "" {
		return fmt.Errorf("command has the fence %q and no lock", c.Fence.Key)
	}
	if c.Lock != "" && c.Idle != "" {
		return fmt.Errorf("command takes the lock %q and waits for %q", c.Lock, c.Idle)
	}
	return nil
}

// argv is the command with its environment, for a program that executes its arguments.
func (c Command) argv() []string {
	if len(c.Env) == 0 {
		return c.Argv
	}
	argv := []string{"env"}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		argv = append(argv, name+"="+c.Env[name])
	}
	return append(argv, c.Argv...)
}

func absolute(path string) bool {
	return strings.HasPrefix(path, "/") || path == "~" || strings.HasPrefix(path, "~/")
}

// quotePath leaves the tilde to the shell and quotes the rest.
func quotePath(path string) string {
	if path == "~" || path == "~/" {
		return "~"
	}
	if rest, found := strings.CutPrefix(path, "~/"); found {
		return "~/" + shellescape.Quote(rest)
	}
	return shellescape.Quote(path)
}
