package hosts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

func fenced(number int64, lock string, argv ...string) hosts.Command {
	return hosts.Command{Argv: argv, Lock: lock,
		Fence: hosts.Fence{Key: "run-1", Number: number, Owner: "the run of merche-biche"}}
}

// A host that has seen a later holder refuses an earlier one, whatever lock it takes, and nobody
// else.
func TestAHostRefusesAnEarlierHolder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		mark := filepath.Join(t.TempDir(), "mark")
		run := func(c hosts.Command) error {
			_, err := host.Run(context20(t), c, nil)
			return err
		}
		if err := run(fenced(7, "repo", "true")); err != nil {
			t.Fatal(err)
		}
		if err := run(fenced(7, "nginx", "true")); err != nil {
			t.Errorf("the same holder: %v", err)
		}
		if err := host.Settle(context20(t), "repo", fenced(8, "", "").Fence, nil); err != nil {
			t.Fatal(err)
		}
		for _, lock := range []string{"repo", "nginx", "other"} {
			if err := run(fenced(7, lock, "touch", mark)); !errors.Is(err, hosts.ErrFenced) {
				t.Errorf("an earlier holder with the lock %s: %v", lock, err)
			}
		}
		if _, err := os.Stat(mark); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("an earlier holder began a command: %v", err)
		}
		for name, command := range map[string]hosts.Command{
			"the later holder": fenced(8, "nginx", "true"),
			"another key": {Argv: []string{"true"}, Lock: "repo",
				Fence: hosts.Fence{Key: "run-2", Number: 1}},
			"nobody's": {Argv: []string{"true"}, Lock: "repo"},
		} {
			if err := run(command); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A later holder waits until what an earlier one began has ended, also under another lock, and
// says whose command that is.
func TestALaterHolderWaitsForAnEarlierOne(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		c := newChange(t)
		command := c.command()
		command.Fence = fenced(1, "", "").Fence
		began := make(chan error, 1)
		go func() {
			_, err := host.Run(context20(t), command, nil)
			began <- err
		}()
		await(t, c.begun)
		for _, lock := range []string{command.Lock, "other"} {
			busy, cancel := context.WithTimeout(t.Context(), time.Second)
			said := ""
			err := host.Settle(busy, lock, fenced(2, "", "").Fence,
				func(taken hosts.Taken) { said = taken.String() })
			cancel()
			if !errors.Is(err, hosts.ErrBusy) {
				t.Errorf("the lock %s: %v", lock, err)
			}
			// In one process callers queue for the same lock before they ask the host.
			if lock == "other" && !strings.Contains(said, "held by the run of merche-biche") {
				t.Errorf("the lock %s: %q", lock, said)
			}
		}
		c.finish(t, host)
		<-began
		if err := host.Settle(context20(t), command.Lock, fenced(2, "", "").Fence, nil); err != nil {
			t.Errorf("after the command: %v", err)
		}
	})
}
