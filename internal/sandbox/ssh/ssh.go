// Package ssh makes the keys and configuration files with which the sandbox's hosts are reached by
// the system's own ssh, and runs their sshd. It knows nothing of what a host is for.
package ssh

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/atlilith/onboardbot/internal/sandbox/daemon"
)

// Host is one machine that ssh reaches by an alias.
type Host struct {
	// Alias is the name on ssh's command line.
	Alias string
	// Address is the IPv4 address; the port is 22.
	Address string
	// User logs in.
	User string
}

// Keys are the files of a sandbox's ssh.
type Keys struct {
	// Config is an ssh_config with every host.
	Config string
	// KnownHosts pins every host's key.
	KnownHosts string
	// Client is the private key that every host accepts.
	Client string

	dir string
}

// Generate makes one key pair for the client and one for each host, and writes the client's
// configuration. Every host accepts that client alone.
func Generate(ctx context.Context, dir string, hosts ...Host) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	k := &Keys{Config: filepath.Join(dir, "config"), KnownHosts: filepath.Join(dir, "known_hosts"),
		Client: filepath.Join(dir, "client"), dir: dir}
	if err := generate(ctx, k.Client); err != nil {
		return nil, err
	}
	var config, known strings.Builder
	for _, host := range hosts {
		key := k.host(host.Alias)
		if err := generate(ctx, key); err != nil {
			return nil, err
		}
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&known, "%s %s", host.Address, public)
		fmt.Fprintf(&config, "Host %s\n\tHostName %s\n\tUser %s\n\n", host.Alias, host.Address, host.User)
	}
	fmt.Fprintf(&config, `Host *
	IdentityFile %s
	IdentitiesOnly yes
	IdentityAgent none
	UserKnownHostsFile %s
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
	BatchMode yes
	ConnectTimeout 5
`, k.Client, k.KnownHosts)
	if err := os.WriteFile(k.KnownHosts, []byte(known.String()), 0o644); err != nil {
		return nil, err
	}
	return k, os.WriteFile(k.Config, []byte(config.String()), 0o644)
}

func (k *Keys) host(alias string) string { return filepath.Join(k.dir, alias) }

func generate(ctx context.Context, path string) error {
	comment := "sandbox " + filepath.Base(path)
	out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f",
		path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ssh-keygen, of the package openssh-client: %w: %s", err, out)
	}
	return nil
}

// Server is how one host runs its sshd.
type Server struct {
	Host Host
	// Dir is the directory for its files.
	Dir string
	// Env is the environment of every session.
	Env []string
	// Prefix is the command that brings sshd to its host.
	Prefix []string
}

// Serve runs a host's sshd and returns when it accepts.
func (k *Keys) Serve(ctx context.Context, server Server) (*daemon.Daemon, error) {
	sshd, err := daemon.Program("sshd", "openssh-server")
	if err != nil {
		return nil, err
	}
	var env []string
	for _, assignment := range server.Env {
		env = append(env, `"`+assignment+`"`)
	}
	// One SetEnv line: sshd ignores a second. The key exchange is the quickest of the common ones,
	// since tests wait for it.
	config := fmt.Sprintf(`ListenAddress %s
HostKey %s
AuthorizedKeysFile %s.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
KexAlgorithms curve25519-sha256
UseDNS no
PrintMotd no
LogLevel VERBOSE
Subsystem sftp internal-sftp
MaxStartups 100
SetEnv %s
`, server.Host.Address, k.host(server.Host.Alias), k.Client, strings.Join(env, " "))
	file := filepath.Join(server.Dir, "sshd_config")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	return daemon.Start(ctx, daemon.Config{
		Name:    "sshd of " + server.Host.Alias,
		Command: append(append([]string(nil), server.Prefix...), sshd, "-D", "-e", "-f", file),
		Log:     filepath.Join(server.Dir, "sshd.log"),
		Ready:   daemon.Listens(net.JoinHostPort(server.Host.Address, "22")),
	})
}
