// Package vps runs a small rented server in a directory: sshd, nginx and certbot at the paths and
// ports that Debian gives them, in a mount and a network namespace of its own, so that only what
// comes in over ssh or HTTP sees it.
//
// Sites are added and removed over ssh.
package vps

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/atlilith/onboardbot/internal/sandbox/daemon"
	"github.com/atlilith/onboardbot/internal/sandbox/ssh"
)

// Config is one VPS.
type Config struct {
	// Dir is the directory for its files. It must not lie below /run or /var, which the VPS has of
	// its own.
	Dir string
	// Name is what the machine calls itself, such as vps-0, of at most 15 bytes: its network
	// interface has the same name.
	Name string
	// Host is how ssh reaches it; Host.Address is its public IPv4 address.
	Host ssh.Host
	// IPv6 is its public IPv6 address.
	IPv6 string
	// Gateway is the IPv4 address of the world that it sees its peers from, and Gateway6 one that
	// it shares with no other VPS.
	Gateway, Gateway6 string
	// Directory is the ACME server that certbot asks by default, and CA the file with the
	// certificate that signed it.
	Directory, CA string
	// Quick ends certbot's fixed wait of one second after each of its six reloads by waiting for
	// the reload itself.
	Quick bool
	// Prefix makes a daemon an ordinary user's; see namespace.User.
	Prefix []string
	// Keys holds the client and the host key.
	Keys *ssh.Keys
}

// VPS is a running machine.
type VPS struct {
	Config

	anchor *exec.Cmd
	hold   io.Closer
	nginx  *daemon.Daemon
	sshd   *daemon.Daemon
}

//go:embed boot.sh
var boot string

// Start boots a VPS and returns when nginx and sshd serve.
func Start(ctx context.Context, config Config) (*VPS, error) {
	for _, own := range []string{"/run/", "/var/"} {
		if strings.HasPrefix(config.Dir, own) {
			return nil, fmt.Errorf("%s: %s lies below %s, which the VPS has of its own: choose another folder, such "+
				"as one in /tmp", config.Name, config.Dir, own)
		}
	}
	v := &VPS{Config: config}
	if err := v.layOut(); err != nil {
		return nil, fmt.Errorf("%s: %w", config.Name, err)
	}
	if err := v.boot(ctx); err != nil {
		v.Close()
		return nil, fmt.Errorf("%s: %w", config.Name, err)
	}
	if err := v.serve(ctx); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// boot starts the process that keeps the machine's namespaces, connects it to the world and waits
// for its mounts.
func (v *VPS) boot(ctx context.Context) error {
	v.anchor = exec.Command("/bin/sh", "-c", boot, v.Name, v.Dir, v.Host.Address, v.IPv6, v.Gateway6)
	v.anchor.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	var trouble strings.Builder
	v.anchor.Stderr = &trouble
	in, err := v.anchor.StdinPipe()
	if err != nil {
		return err
	}
	v.hold = in
	out, err := v.anchor.StdoutPipe()
	if err != nil {
		return err
	}
	if err := v.anchor.Start(); err != nil {
		return err
	}
	cable := exec.CommandContext(ctx, "ip", "-batch", "-")
	cable.Stdin = strings.NewReader(fmt.Sprintf(`link add %[1]s type veth peer name eth0 netns %[2]d
link set %[1]s up
addr add %[3]s/128 dev %[1]s nodad
route add %[4]s/32 dev %[1]s src %[5]s
route add %[6]s/128 dev %[1]s src %[3]s
`, v.Name, v.anchor.Process.Pid, v.Gateway6, v.Host.Address, v.Gateway, v.IPv6))
	if output, err := cable.CombinedOutput(); err != nil {
		return fmt.Errorf("connect it with ip(8): %w: %s", err, output)
	}
	if _, err := io.WriteString(in, "connected\n"); err != nil {
		return err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "up\n" {
		return errors.Join(errors.New("boot failed: "+trouble.String()), v.anchor.Wait())
	}
	return nil
}

func (v *VPS) serve(ctx context.Context) error {
	nginx, err := daemon.Program("nginx", "nginx")
	if err != nil {
		return err
	}
	started := make(chan error, 1)
	go func() {
		var err error
		v.nginx, err = daemon.Start(ctx, daemon.Config{
			Name:    "nginx of " + v.Name,
			Command: v.inside(append(append([]string(nil), v.Prefix...), nginx, "-g", "daemon off;")...),
			Env:     v.env(),
			Log:     filepath.Join(v.Dir, "nginx.log"),
			Ready:   daemon.Listens(net.JoinHostPort(v.Host.Address, "80")),
		})
		started <- err
	}()
	v.sshd, err = v.Keys.Serve(ctx, ssh.Server{Host: v.Host, Dir: v.Dir, Env: v.env(), Prefix: v.inside(v.Prefix...)})
	return errors.Join(err, <-started)
}

// env returns the environment of processes on the machine.
func (v *VPS) env() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + filepath.Join(v.Dir, "home"),
		"LC_ALL=C.UTF-8",
		"REQUESTS_CA_BUNDLE=" + v.CA,
	}
}

// inside returns a command that runs on the machine.
func (v *VPS) inside(command ...string) []string {
	pid := v.anchor.Process.Pid
	return append([]string{"nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", pid),
		fmt.Sprintf("--net=/proc/%d/ns/net", pid), "--"}, command...)
}

// Shell runs a shell script on the machine as its user, without ssh, and returns what it printed
// on both streams.
func (v *VPS) Shell(ctx context.Context, script string) ([]byte, error) {
	command := v.inside(append(append([]string(nil), v.Prefix...), "/bin/sh", "-ec", script)...)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), v.env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("%s: %w: %s", v.Name, err, out)
	}
	return out, nil
}

// Path is where a file of the machine lies outside of it. It knows /etc/letsencrypt, /etc/nginx,
// /run and /var.
func (v *VPS) Path(path string) string { return filepath.Join(v.Dir, path) }

// Nginx is its web server.
func (v *VPS) Nginx() *daemon.Daemon { return v.nginx }

// SSHD is its ssh server. Sessions that are open outlive it, as they do on a real machine.
func (v *VPS) SSHD() *daemon.Daemon { return v.sshd }

// FillDisk puts a full disk over a folder, which then looks empty and takes nothing more, until
// free is called.
func (v *VPS) FillDisk(ctx context.Context, folder string) (free func() error, err error) {
	run := func(ctx context.Context, command ...string) error {
		command = v.inside(command...)
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("disk at %s of %s: %w: %s", folder, v.Name, err, out)
		}
		return nil
	}
	if err := run(ctx, "mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "full", folder); err != nil {
		return nil, err
	}
	return func() error { return run(context.WithoutCancel(ctx), "umount", "--lazy", folder) }, nil
}

// UseDirectory makes another ACME server certbot's default. Certificates that certbot has keep
// asking the server they came from.
func (v *VPS) UseDirectory(url string) error {
	v.Directory = url
	return v.writeCertbotConfig()
}

// Close stops the machine.
func (v *VPS) Close() {
	for _, d := range []*daemon.Daemon{v.sshd, v.nginx} {
		if d != nil {
			d.Kill()
		}
	}
	if v.hold != nil {
		// The kernel removes the network of a stopped machine with a delay, and the next machine
		// may have the same name.
		_ = exec.Command("ip", "link", "del", v.Name).Run()
		v.hold.Close()
		_ = v.anchor.Wait()
	}
}
