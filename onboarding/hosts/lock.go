package hosts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"time"
)

const (
	busyCode  = 75 // EX_TEMPFAIL of sysexits.h
	busyText  = "onboardbot: lock is taken"
	killAfter = 10 * time.Second // from SIGTERM to SIGKILL at a command's time limit
)

// WaitIdle waits until no command holds the lock on the host, whoever started it: after a crash
// this is the end of what the dead process left running. It fails with ErrBusy when the context or
// the host's LockWait ends first.
func (h *Host) WaitIdle(ctx context.Context, lock string) error {
	if !lockName.MatchString(lock) {
		return fmt.Errorf("%s: lock name %q: use letters, digits, dot, dash and underscore", h.config.Name, lock)
	}
	_, err := h.Output(ctx, Command{Argv: []string{"true"}, Idle: lock})
	return err
}

// idleScript runs a command once nobody holds a lock: LOCKFILE COMMAND... A shared lock meets only
// holders, not others who look.
const idleScript = `if [ -e "$1" ]; then
	exec 9<"$1" || exit 1
	flock --shared --nonblock 9 || { echo '` + busyText + `' >&2; exit 75; }
	exec 9<&-
fi
shift
exec "$@"`

func (h *Host) lockFile(lock string) string {
	return path.Join(h.config.LockDir, "onboardbot-"+lock+".lock")
}

// untilFree repeats an attempt that fails at once while the lock is taken. The attempts come from
// here and do not wait on the host, because a waiter there would outlive this process and begin
// its command when nobody expects it any more.
func (h *Host) untilFree(ctx context.Context, lock string, attempt func() error) error {
	limit, cancel := context.WithTimeout(ctx, h.config.LockWait)
	defer cancel()
	pause := 50 * time.Millisecond
	var busy error
	for {
		err := attempt()
		switch {
		case errors.Is(err, ErrBusy):
			busy = err
		case busy != nil && ctx.Err() != nil && !errors.Is(err, ErrLost): // cut short while it looked once more
			return fmt.Errorf("lock %q: %w: %w", lock, busy, ctx.Err())
		default:
			return err
		}
		select {
		case <-limit.Done():
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("lock %q: %w: %w", lock, busy, err)
			}
			return fmt.Errorf("lock %q: %w", lock, busy)
		case <-time.After(pause + rand.N(pause)):
		}
		pause = min(2*pause, time.Second)
	}
}

// turn lets one caller of this process at a time try for a lock, so that they do not race each
// other on the host.
func (h *Host) turn(ctx context.Context, lock string) (done func(), err error) {
	h.mu.Lock()
	queue, found := h.locks[lock]
	if !found {
		queue = make(chan struct{}, 1)
		h.locks[lock] = queue
	}
	h.mu.Unlock()
	limit, cancel := context.WithTimeout(ctx, h.config.LockWait)
	defer cancel()
	select {
	case queue <- struct{}{}:
		return func() { <-queue }, nil
	case <-limit.Done():
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("lock %q: %s: %w: %w", lock, h.config.Name, ErrBusy, err)
		}
		return nil, fmt.Errorf("lock %q: %s: %w", lock, h.config.Name, ErrBusy)
	}
}
