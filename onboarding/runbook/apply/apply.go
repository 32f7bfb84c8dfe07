package apply

import (
	"context"
	"errors"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// cleanupTimeout bounds what takes away the remains of a failed change, also while the bot is
// shutting down.
const cleanupTimeout = 30 * time.Second

// Task is one item to carry out, in whose name, and what it may take.
type Task struct {
	onboarding.Authorization
	Item onboarding.Item
	// Timeout bounds a command. 0: the limit of its host.
	Timeout time.Duration
	Log     onboarding.Log
}

// Targets are what items change.
type Targets struct {
	Platform  *platform.DB
	Publisher dns.Publisher
	Hosts     map[string]*hosts.Host
	Repo      *repo.Repo
	Prober    *probe.Prober
	// CertbotLog is the file on a host that certbot writes, which is read after it failed.
	CertbotLog string
}

// Applier carries out items. It is safe for concurrent use.
type Applier struct {
	sql     sqlApplier
	dns     dnsApplier
	command commandApplier
	commit  commitApplier
	probe   probeApplier
}

// New returns the applier over its targets.
func New(targets Targets) *Applier {
	return &Applier{
		sql:     sqlApplier{targets.Platform},
		dns:     dnsApplier{targets.Publisher},
		command: commandApplier{targets.Hosts, targets.CertbotLog},
		commit:  commitApplier{targets.Repo},
		probe:   probeApplier{targets.Prober},
	}
}

// Apply carries out exactly the item of the task. A command that always runs is carried out even
// if ctx is done. The error is [onboarding.ErrTargetChanged] if records or files are no longer
// what the item says they were before, or if the database is another server; it is
// [onboarding.ErrNotHolder] if another process has taken over the run. Nothing of the item is
// applied then. It is [onboarding.ErrLost] if a command may still run.
func (a *Applier) Apply(ctx context.Context, task Task) error {
	return mark(a.apply(ctx, task))
}

func (a *Applier) apply(ctx context.Context, task Task) error {
	item := task.Item
	if ctx.Err() != nil && item.Command != nil && item.Command.Always {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
	}
	switch {
	case item.SQL != nil:
		return a.sql.apply(ctx, *item.SQL, task)
	case item.DNS != nil:
		return a.dns.apply(ctx, *item.DNS, task)
	case item.Command != nil:
		return a.command.apply(ctx, task)
	case item.Commit != nil:
		return a.commit.apply(ctx, task)
	case item.Probe != nil:
		return a.probe.apply(ctx, *item.Probe, task.Log)
	}
	return errors.New("the item holds no action")
}
