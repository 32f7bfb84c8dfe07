package namespace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

// files are what the program and the daemons inside read in place of the machine's own: every name
// but localhost comes from the world's name server.
var files = map[string]string{
	"/etc/resolv.conf":   "nameserver " + Resolver + "\noptions timeout:2 attempts:2\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
	"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
}

// runInit is process 1 of the namespace: it prepares the namespace, starts the program, reaps what
// nobody else waits for and ends with the program. When it ends, the kernel kills every process
// that is left.
func runInit() (int, error) {
	if os.Getpid() != 1 {
		return 0, fmt.Errorf("%s=%s is set outside of a namespace: unset it", stageVariable, stageInit)
	}
	if err := prepare(); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded...)
	cmd, err := again(stageInside, inherited())
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait: %w", err)
		case pid == cmd.Process.Pid:
			return exitStatus(status), nil
		}
	}
}

func prepare() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("bring up the loopback with ip(8), of the package iproute2: %w: %s", err, out)
	}
	// A daemon that runs as the ordinary user who entered (see [User]) holds no capability over
	// this network.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0); err != nil {
		return fmt.Errorf("open the low ports: %w", err)
	}
	return replaceFiles()
}

// replaceFiles mounts the world's own files over the machine's. They live in a tmpfs that nothing
// names any more, and not in removed files, because a namespace inside of this one could not mount
// over those.
func replaceFiles() error {
	dir, err := os.MkdirTemp("", "namespace")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	for path, content := range files {
		source := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(source, []byte(content), 0o644); err != nil {
			return err
		}
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			return fmt.Errorf("%s must exist to be replaced inside: %w", path, err)
		}
		if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("replace %s: %w", path, err)
		}
	}
	return nil
}
