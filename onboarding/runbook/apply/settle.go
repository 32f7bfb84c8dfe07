package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// fence keeps an earlier holder of the run from beginning commands on a host that has heard of
// this one. People who wait for a command read whose it is.
func fence(auth onboarding.Authorization) hosts.Fence {
	if auth.Holder.Token == 0 {
		return hosts.Fence{}
	}
	return hosts.Fence{Key: "run-" + auth.Run.ID.String(), Number: auth.Holder.Token,
		Owner: fmt.Sprintf("the run of %s (%s)", auth.Run.Request.Slug, auth.Step)}
}

// waits turns what a host says into a sentence.
func waits(waiting func(string)) func(hosts.Taken) {
	return func(taken hosts.Taken) { waiting("Waiting: " + taken.String() + ".") }
}

// once passes a line on unless it says what the last one said.
func once(line func(string)) func(string) {
	last := ""
	return func(text string) {
		if text != last {
			last = text
			line(text)
		}
	}
}

// Settle has the targets of a change refuse what earlier holders of the run would still begin, and
// waits until nothing of it runs any more. A zone has nothing to settle: its updates are
// conditional, and signed with the time at which they were made. The error is
// [onboarding.ErrNotHolder] if a later holder was there before.
func (a *Applier) Settle(
	ctx context.Context, auth onboarding.Authorization, change onboarding.Change, waiting func(string),
) error {
	var settled []onboarding.HostLock
	for _, item := range change.Items {
		var err error
		switch {
		case item.SQL != nil:
			err = a.sql.db.Settle(ctx, auth.Run.ID)
		case item.Commit != nil:
			err = a.commit.repo.Settle(ctx, fence(auth), waits(waiting))
		case item.Command != nil:
			for _, lock := range item.Command.Locks() {
				host := a.command.hosts[lock.Host]
				if host == nil || slices.Contains(settled, lock) {
					continue
				}
				settled = append(settled, lock)
				if err = host.Settle(ctx, lock.Name, fence(auth), waits(waiting)); err != nil {
					break
				}
			}
		}
		if err != nil {
			return mark(err)
		}
	}
	return nil
}
