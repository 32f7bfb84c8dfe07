package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// createCluster makes a data directory. It copies one that initdb made earlier, in a fifth of the
// time, and keeps that in the user's cache folder, one per installed server.
func createCluster(ctx context.Context, bin, data string) error {
	kept, err := keptCluster(bin)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(kept), 0o700)
	}
	if err != nil {
		// A user without a cache folder has each made afresh.
		return initdb(ctx, bin, data)
	}
	if _, err := os.Stat(kept); errors.Is(err, fs.ErrNotExist) {
		if err := keepCluster(ctx, bin, kept); err != nil {
			return err
		}
	}
	return run(exec.CommandContext(ctx, "cp", "--archive", "--reflink=auto", kept, data))
}

// keptCluster is the path of the cluster to copy. A server that is upgraded has another.
func keptCluster(bin string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	server, err := os.Stat(filepath.Join(bin, "initdb"))
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Append(nil, bin, server.Size(), server.ModTime(), initdbArguments))
	return filepath.Join(cache, "onboardbot", fmt.Sprintf("postgres-%x", key[:8])), nil
}

// keepCluster makes the cluster to copy. It appears at once and whole; of several that are made at
// the same time one stays.
func keepCluster(ctx context.Context, bin, kept string) error {
	dir, err := os.MkdirTemp(filepath.Dir(kept), "making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	if err := initdb(ctx, bin, data); err != nil {
		return err
	}
	if err := os.Rename(data, kept); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

var initdbArguments = []string{"-U", Superuser, "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8"}

func initdb(ctx context.Context, bin, data string) error {
	command := asUser(append([]string{filepath.Join(bin, "initdb"), "-D", data}, initdbArguments...)...)
	return run(exec.CommandContext(ctx, command[0], command[1:]...))
}

func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Args[0]), err, out)
	}
	return nil
}
