package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/atlilith/onboardbot/internal/sandbox/daemon"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

// account is the user and the group of the image.
const account = "10001"

// Folders inside the container.
const (
	etc  = "/etc/onboardbot"
	home = "/home/onboardbot"
	pg   = "/run/postgresql"
)

// container is the image with the flags of its mounts.
type container struct {
	name, image string
	flags       []string
}

// newContainer writes the files to mount, readable for the image's account. The container shares
// the sandbox's network.
func newContainer(bed *testbed.Testbed, image string) (*container, error) {
	config, keys := filepath.Join(bed.Dir, "etc"), filepath.Join(bed.Dir, "dot-ssh")
	if err := configure(bed, config); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if err := copyKeys(bed, keys); err != nil {
		return nil, fmt.Errorf("ssh keys: %w", err)
	}
	if _, err := run(exec.Command("chown", "-R", account+":"+account, config, keys)); err != nil {
		return nil, err
	}
	if _, err := daemon.Program("podman", "podman"); err != nil {
		return nil, err
	}
	const socket = "/.s.PGSQL.5432"
	return &container{name: "onboardbot-" + filepath.Base(bed.Dir), image: image, flags: []string{
		"--rm", "--init", "--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all",
		"--security-opt", "no-new-privileges",
		"--volume", config + ":" + etc + ":ro", "--volume", keys + ":" + home + "/.ssh:ro", "--volume",
		filepath.Join(bed.Dir, "pg") + socket + ":" + pg + socket,
	}}, nil
}

// podman returns podman run with the container's and further flags, and arguments for the image.
func (c *container) podman(ctx context.Context, flags []string, args ...string) *exec.Cmd {
	all := append([]string{"run"}, c.flags...)
	return exec.CommandContext(ctx, "podman", append(append(append(all, flags...), c.image), args...)...)
}

// once runs the image with arguments until it ends.
func (c *container) once(ctx context.Context, args ...string) error {
	_, err := run(c.podman(ctx, nil, args...))
	return err
}

// serve returns the command that runs the image with its default arguments.
func (c *container) serve() *exec.Cmd {
	return c.podman(context.Background(), []string{"--name", c.name})
}

// inside runs a command in the running container.
func (c *container) inside(ctx context.Context, args ...string) (string, error) {
	return run(exec.CommandContext(ctx, "podman", append([]string{"exec", c.name}, args...)...))
}

// healthy runs the image's health check.
func (c *container) healthy(ctx context.Context) error {
	_, err := run(exec.CommandContext(ctx, "podman", "healthcheck", "run", c.name))
	return err
}

func (c *container) remove() { _, _ = run(exec.Command("podman", "rm", "--force", c.name)) }

func run(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
