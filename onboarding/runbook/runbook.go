// Package runbook is the operators' runbook. The registry lists its steps; each step is one file,
// which observes what is left to do and says what its changes may contain. Everything else about a
// step, such as its place in a run and how it is undone, is derived from its entry.
//
// Observing changes nothing. A change is applied item by item, by package apply, and only what the
// guard allows: it judges each item by the registry alone. Who may approve a change, when, and
// what happens after a crash is decided by the domain, and how all this reads in chat by neither.
//
// What several steps share has packages of its own below this one: settings (the configuration),
// site (a domain on its VPS), folder (its deploy folder), portal, hostcheck and tenantcheck.
package runbook

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook/apply"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// Runbook is the runbook over the real parts. It is safe for concurrent use.
type Runbook struct {
	registry      *registry
	guard         guard
	sites         *site.Finder
	applier       *apply.Applier
	folders       *folder.Planner
	prerequisites *prerequisites
}

var (
	_ onboarding.Runbook    = (*Runbook)(nil)
	_ onboarding.Applier    = (*Runbook)(nil)
	_ onboarding.Repository = (*Runbook)(nil)
)

// New returns the runbook of a configuration over its parts.
func New(parts *Parts, config settings.Config) (*Runbook, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	c, err := newComponents(parts, config)
	if err != nil {
		return nil, err
	}
	registry := newRegistry(steps(c))
	return &Runbook{
		registry:      registry,
		guard:         guard{registry, c.sites},
		sites:         c.sites,
		folders:       c.folders,
		prerequisites: newPrerequisites(c),
		applier: apply.New(apply.Targets{
			Platform: parts.Platform, Publisher: c.publisher, Hosts: parts.Hosts, Repo: parts.Repo,
			Prober:     parts.Prober,
			CertbotLog: config.Certificate.Log,
		}),
	}, nil
}

// Steps lists the steps of a request in the order of the runbook. Domains do not wait for each
// other.
func (b *Runbook) Steps(request onboarding.Request) []onboarding.Definition {
	return b.registry.definitions(&onboarding.Run{Kind: onboarding.KindOnboard, Request: request})
}

// RenewSteps lists the steps of a renewal: certbot renews the certificate and, if a run made the
// site live so that it has a folder in the repository, what certbot changed is committed there.
func (b *Runbook) RenewSteps(run *onboarding.Run) []onboarding.Definition {
	renewal := *run
	renewal.Kind = onboarding.KindRenew
	return b.registry.definitions(&renewal)
}

// UndoSteps lists the steps that take back what a run applied. Its certificates are deleted only
// if that was asked for.
func (b *Runbook) UndoSteps(run *onboarding.Run) []onboarding.Definition {
	return b.registry.undoDefinitions(run)
}

// Observe returns what is left to do in a step. See the file of each step.
func (b *Runbook) Observe(ctx context.Context, run *onboarding.Run,
	key onboarding.Key) (onboarding.Observation, error) {
	step := b.registry.find(key.Kind())
	if step == nil {
		return onboarding.Observation{}, fmt.Errorf("the runbook has no step %s", key)
	}
	s := &scope{run: run, key: key, forPlan: forPlan(run, key)}
	if step.PerDomain {
		var err error
		if s.site, err = b.sites.Of(run, key); err != nil {
			return onboarding.Observation{}, err
		}
	}
	return step.Observe(ctx, s)
}

// Authorize returns nil if the item may be part of a change of the step, else an error that wraps
// [ErrNotAllowed].
func (b *Runbook) Authorize(auth onboarding.Authorization, item onboarding.Item) error {
	return b.guard.authorize(auth, item)
}

// ApplyItem carries out exactly one item and writes what happens to the log. It carries out
// nothing that the guard does not allow.
func (b *Runbook) ApplyItem(
	ctx context.Context, auth onboarding.Authorization, item onboarding.Item, log onboarding.Log,
) error {
	if err := b.Authorize(auth, item); err != nil {
		return err
	}
	task := apply.Task{Authorization: auth, Item: item, Log: log}
	if step := b.registry.find(auth.Step.Kind()); step != nil {
		task.Timeout = step.Timeout
	}
	return b.applier.Apply(ctx, task)
}

// Settle waits until nothing of a change runs any more that an earlier holder of the run began,
// and has the targets refuse what it would still begin.
func (b *Runbook) Settle(
	ctx context.Context, auth onboarding.Authorization, change onboarding.Change, waiting func(string),
) error {
	return b.applier.Settle(ctx, auth, change, waiting)
}

// Deployed reports whether the domain has a deploy folder in the repository.
func (b *Runbook) Deployed(ctx context.Context, domain string) (bool, error) {
	return b.folders.Deployed(ctx, domain)
}

// Prerequisites checks everything that runs rely on, before there is one. It changes nothing. Each
// finding that failed has its fix.
func (b *Runbook) Prerequisites(ctx context.Context) []onboarding.Finding {
	return b.prerequisites.check(ctx)
}
