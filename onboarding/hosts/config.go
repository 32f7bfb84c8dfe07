package hosts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Config says where one host is and how it is reached. The zero value of every field but Name has
// a default.
type Config struct {
	// Name is what operators call the host: apricot, quinn-vps. Required; in YAML it is the key
	// above.
	Name string `yaml:"-"`
	// SSH is the destination given to the system's ssh, usually an alias of ssh_config(5). Empty
	// means this machine.
	SSH string `yaml:"ssh"`
	// SSHConfig is an ssh_config(5) file used in place of the account's own (ssh -F). Empty means
	// the account's own.
	SSHConfig string `yaml:"ssh_config"`
	// ControlDir holds the sockets of shared connections. It is made with mode 0700 and must
	// belong to this account. Default: onboardbot-ssh-UID in the temporary directory. Its path has
	// about 70 bytes at most (unix(7), sun_path).
	ControlDir string `yaml:"control_dir"`
	// LockDir is the directory on the host for lock files, which must outlast a command but not a
	// reboot. Default: /run/lock.
	LockDir string `yaml:"lock_dir"`
	// ConnectTimeout limits one attempt to connect. Default: 10s.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// Timeout limits a command that sets no limit of its own. Default: 2m.
	Timeout time.Duration `yaml:"timeout"`
	// LockWait is how long a command waits for its lock before it fails with ErrBusy. Default:
	// 15m.
	LockWait time.Duration `yaml:"lock_wait"`
	// KeepConnection is how long an idle shared connection stays open. Default: 5m.
	KeepConnection time.Duration `yaml:"keep_connection"`
}

// maxControlDir leaves room in sun_path (108 bytes, unix(7)) for the socket's name and the suffix
// ssh adds while binding.
const maxControlDir = 108 - 1 - len("/0123456789abcdef") - len(".0123456789abcdef")

// WithDefaults returns the configuration with every unset field at its default.
func (c Config) WithDefaults() Config {
	if c.ControlDir == "" {
		c.ControlDir = filepath.Join(os.TempDir(), "onboardbot-ssh-"+strconv.Itoa(os.Getuid()))
	}
	if c.LockDir == "" {
		c.LockDir = "/run/lock"
	}
	for field, standard := range map[*time.Duration]time.Duration{
		&c.ConnectTimeout: 10 * time.Second, &c.Timeout: 2 * time.Minute, &c.LockWait: 15 * time.Minute,
		&c.KeepConnection: 5 * time.Minute,
	} {
		if *field == 0 {
			*field = standard
		}
	}
	return c
}

// destination allows what ssh(1) takes as [user@]host or an alias, and no option and no shell or
// ssh token.
var destination = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$`)

// Validate reports every problem at once, each with the field's name in YAML.
func (c Config) Validate() error {
	var problems []error
	complain := func(field, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if strings.TrimSpace(c.Name) == "" {
		complain("name", "is empty; give the host a name such as quinn-vps")
	}
	if c.SSH != "" && !destination.MatchString(c.SSH) {
		complain("ssh", "%q is not a host alias; use one of your ssh_config such as quinn-vps", c.SSH)
	}
	if c.SSH == "" && c.SSHConfig != "" {
		complain("ssh_config", "is set, but ssh is empty: name the host alias in ssh")
	}
	if !filepath.IsAbs(c.LockDir) {
		complain("lock_dir", "%q is not an absolute path", c.LockDir)
	}
	if c.SSH != "" {
		if !filepath.IsAbs(c.ControlDir) || strings.ContainsAny(c.ControlDir, "%\"\\") {
			complain("control_dir", "%q is not an absolute path free of %%, quotes and backslashes", c.ControlDir)
		}
		if len(c.ControlDir) > maxControlDir {
			complain("control_dir", "%q is longer than %d bytes, too long for a unix socket", c.ControlDir,
				maxControlDir)
		}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"connect_timeout", c.ConnectTimeout}, {"timeout", c.Timeout},
		{"lock_wait", c.LockWait}, {"keep_connection", c.KeepConnection},
	} {
		if d.value < time.Second {
			complain(d.field, "%v is less than 1s", d.value)
		}
	}
	return errors.Join(problems...)
}
