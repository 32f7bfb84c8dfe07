package hosts

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/sethvargo/go-retry"
)

// What the scripts on the host say, and their exit statuses, which are those of sysexits.h.
const (
	busyCode   = 75 // EX_TEMPFAIL
	busyText   = "onboardbot: lock is taken"
	fencedCode = 77 // EX_NOPERM
	fencedText = "onboardbot: fenced off"
	killAfter  = 10 * time.Second // from SIGTERM to SIGKILL at a command's time limit
)

// The pauses between attempts to take a lock grow from the first to the longest.
const (
	firstPause    = 75 * time.Millisecond
	longestPause  = 1500 * time.Millisecond
	jitterPercent = 33
)

// Settle has the host refuse what earlier holders of the fence's key would begin from now on, and
// waits until nothing that they began under the lock still runs. After a crash this is what comes
// before observing. It fails with [ErrFenced] if a later holder was here before, and with ErrBusy
// when the context or the host's LockWait ends first.
func (h *Host) Settle(ctx context.Context, lock string, fence Fence, waiting func(Taken)) error {
	_, err := h.Output(ctx, Command{Argv: []string{"true"}, Lock: lock, Fence: fence, Waiting: waiting})
	if err != nil && ctx.Err() != nil { // perhaps with the last attempt under way, which changes nothing
		return fmt.Errorf("%s: lock %q: %w: %w", h.config.Name, lock, ErrBusy, ctx.Err())
	}
	return err
}

// idleScript runs a command once nobody holds a lock: LOCKFILE COMMAND... A shared lock conflicts
// only with holders, not with other observers.
const idleScript = `if [ -e "$1" ]; then
	exec 9<"$1" || exit 1
	flock --shared --nonblock 9 || { read -r owner <"$1"; echo "` + busyText + `${owner:+ by $owner}" >&2; exit 75; }
	exec 9<&-
fi
shift
exec "$@"`

func (h *Host) lockFile(lock string) string {
	return path.Join(h.config.LockDir, "onboardbot-"+lock+".lock")
}

// fenceFile is empty without a fence.
func (h *Host) fenceFile(fence Fence) string {
	if fence.Key == "" {
		return ""
	}
	return path.Join(h.config.LockDir, "onboardbot-"+fence.Key+".fence")
}

// owner is the name on one line, cut to what is kept of it.
func (f Fence) owner() string {
	name := plain([]byte(f.Owner))
	if len(name) > maxOwner {
		return shorten(name, maxOwner)
	}
	return name
}

// untilFree repeats an attempt that fails at once while the lock is taken, until the host's
// LockWait is over. The attempts come from here and do not wait on the host, because a waiter
// there would outlive this process and begin its command when nobody expects it any more.
func (h *Host) untilFree(ctx context.Context, lock string, attempt func() error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: lock %q: %w", h.config.Name, lock, err)
	}
	limit, cancel := context.WithTimeout(ctx, h.config.LockWait)
	defer cancel()
	backoff := retry.WithJitterPercent(jitterPercent, retry.NewExponential(firstPause))
	var busy error
	err := retry.Do(limit, retry.WithCappedDuration(longestPause, backoff), func(context.Context) error {
		err := attempt()
		if errors.Is(err, ErrBusy) {
			busy = err
			return retry.RetryableError(err)
		}
		return err
	})
	switch {
	case err == nil || busy == nil || errors.Is(err, ErrLost):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("lock %q: %w: %w", lock, busy, ctx.Err())
	case limit.Err() != nil:
		return fmt.Errorf("lock %q: %w", lock, busy)
	}
	return err
}

// turn lets one caller of this process at a time try for a lock, so they do not race each other on
// the host.
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
