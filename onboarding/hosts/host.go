package hosts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"al.essio.dev/pkg/shellescape"
)

// Host is one place where commands run. It is safe for concurrent use.
type Host struct {
	config Config
	// sessions holds a token for every session that shares the connection. sshd takes ten by
	// default (MaxSessions); a command that finds none left opens a connection of its own.
	sessions chan struct{}
	mu       sync.Mutex
	locks    map[string]chan struct{} // who in this process may try for a lock on the host
	greeting string                   // see Greeting
}

// maxSessions is sshd's default for MaxSessions, sshd_config(5).
const maxSessions = 10

// New checks the configuration, with its defaults filled in, and connects to nothing yet.
func New(config Config) (*Host, error) {
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("host %q: %w", config.Name, err)
	}
	if config.SSH != "" {
		if err := privateDir(config.ControlDir); err != nil {
			return nil, fmt.Errorf("host %q: control_dir: %w", config.Name, err)
		}
	}
	return &Host{config: config, sessions: make(chan struct{}, maxSessions),
		locks: make(map[string]chan struct{})}, nil
}

// privateDir makes the directory, or checks that no other account can reach into it: who controls
// a socket in it controls what runs on the host.
func privateDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s must be a directory of this account with mode 0700", dir)
	}
	return nil
}

// Name is what operators call the host.
func (h *Host) Name() string { return h.config.Name }

// Local reports whether the host is this machine.
func (h *Host) Local() bool { return h.config.SSH == "" }

// Paste is the command as a person would paste it into a shell on this machine, through ssh where
// the host is another.
func (h *Host) Paste(c Command) string {
	if h.Local() {
		return c.String()
	}
	return "ssh " + h.config.SSH + " " + shellescape.Quote(c.String())
}

// Close lets the shared connection end once the commands that use it have ended.
func (h *Host) Close() error {
	if h.Local() {
		return nil
	}
	if _, err := os.Lstat(h.socket()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.config.ConnectTimeout)
	defer cancel()
	args := append(h.sshOptions(true), "-O", "stop", "--", h.config.SSH)
	if out, err := exec.CommandContext(ctx, "ssh", args...).CombinedOutput(); err != nil {
		// The connection may have ended between the check and the request.
		if _, statErr := os.Lstat(h.socket()); errors.Is(statErr, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("%s: end shared connection: %w: %s", h.config.Name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Tools are the programs that this package and its callers rely on, separated by spaces.
const Tools = "bash flock timeout tee stat tar env cat base64"

// Ping proves that the host answers and has the programs this package uses. It returns how long
// the answer took.
func (h *Host) Ping(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	script := `for tool in ` + Tools + `; do command -v "$tool" >/dev/null || echo "$tool"; done`
	out, err := h.Output(ctx, Command{Argv: []string{"sh", "-c", script}, Timeout: h.config.ConnectTimeout * 2})
	if err != nil {
		return 0, err
	}
	if missing := strings.Fields(string(out)); len(missing) > 0 {
		return 0, fmt.Errorf("%s: missing programs: %s", h.config.Name, strings.Join(missing, ", "))
	}
	return time.Since(began), nil
}

// Connected reports whether there is a shared connection, or needs to be none.
func (h *Host) Connected() bool {
	if h.Local() {
		return true
	}
	_, err := os.Lstat(h.socket())
	return err == nil
}

// socket is where the shared connection listens. It depends on the configuration file too, since
// the same alias may name different machines in two of them.
func (h *Host) socket() string {
	file := h.config.SSHConfig
	if file != "" {
		if full, err := filepath.Abs(file); err == nil {
			file = full
		}
	}
	sum := sha256.Sum256([]byte(h.config.SSH + "\x00" + file))
	return filepath.Join(h.config.ControlDir, hex.EncodeToString(sum[:8]))
}

func (h *Host) sshOptions(share bool) []string {
	var args []string
	if h.config.SSHConfig != "" {
		args = append(args, "-F", h.config.SSHConfig)
	}
	for _, option := range []string{
		"BatchMode=yes",
		"StrictHostKeyChecking=yes",
		"ConnectTimeout=" + seconds(h.config.ConnectTimeout),
		"ServerAliveInterval=15",
		"ServerAliveCountMax=3",
		"ClearAllForwardings=yes",
		"ForwardAgent=no",
		"PermitLocalCommand=no",
		"RemoteCommand=none",
		"LogLevel=INFO",
	} {
		args = append(args, "-o", option)
	}
	if !share {
		return append(args, "-o", "ControlMaster=no", "-o", "ControlPath=none")
	}
	return append(args, "-o", "ControlMaster=auto", "-o", "ControlPath="+h.socket(), "-o",
		"ControlPersist="+seconds(h.config.KeepConnection))
}

func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
