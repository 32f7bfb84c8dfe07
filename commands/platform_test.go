package commands_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
)

var (
	_ onboarding.Runbook    = (*fakePlatform)(nil)
	_ onboarding.Platform   = (*fakePlatform)(nil)
	_ onboarding.Repository = (*fakePlatform)(nil)
)

// fakePlatform is a runbook of three steps, and a platform with a few Providers and Orgs.
type fakePlatform struct {
	mu        sync.Mutex
	made      map[string]bool
	version   map[string]string // what the change of a step says, so that it can move
	broken    map[string]error
	waiting   map[string]string
	perDomain []string // the kinds of steps of each domain
	// slow delays every answer about domains until it is closed.
	slow chan struct{}
	// hold delays the application of a step until it is closed.
	hold map[string]chan struct{}
}

func newFakePlatform() *fakePlatform {
	return &fakePlatform{made: map[string]bool{}, version: map[string]string{}, broken: map[string]error{},
		waiting: map[string]string{}, perDomain: []string{"upload"},
		slow: closed(), hold: map[string]chan struct{}{}}
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func (p *fakePlatform) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// titles are those of the steps of a domain. Only deploy is a kind of which all must be shown.
var titles = map[string]string{"upload": "Deploy", "deploy": "Deploy", "dns": "Dns"}

func (p *fakePlatform) Steps(request onboarding.Request) []onboarding.Definition {
	steps := []onboarding.Definition{{Key: "preflight", Title: "Preflight"},
		{Key: "database", Title: "Database", Destructive: true, After: []onboarding.Key{"preflight"}}}
	verify := onboarding.Definition{Key: "verify", Title: "Verify"}
	for _, domain := range request.Domains {
		for _, kind := range p.perDomain {
			key := onboarding.Key(kind + "/" + domain.Name)
			steps = append(steps, onboarding.Definition{Key: key, Title: titles[kind],
				Destructive: true, After: []onboarding.Key{"database"}})
			verify.After = append(verify.After, key)
		}
	}
	return append(steps, verify)
}

func (p *fakePlatform) UndoSteps(*onboarding.Run) []onboarding.Definition {
	return []onboarding.Definition{{Key: "undo-database", Title: "Database", Destructive: true}}
}

func (p *fakePlatform) RenewSteps(*onboarding.Run) []onboarding.Definition { return nil }

func (p *fakePlatform) Observe(_ context.Context, run *onboarding.Run,
	key onboarding.Key) (onboarding.Observation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := run.Request.Slug + "/" + string(key.Kind())
	if text := p.waiting[name]; text != "" {
		return onboarding.Observation{Waiting: text, Again: time.Hour,
			Findings: []onboarding.Finding{{Level: onboarding.Warning, Name: "ns1", Detail: "nothing there"}}}, nil
	}
	switch {
	case key.Kind() == "preflight" && p.broken[name] != nil:
		return onboarding.Observation{Findings: []onboarding.Finding{{Level: onboarding.Failed, Name: "Zone",
			Detail: p.broken[name].Error()}}}, nil
	case key.Kind() == "preflight" || key.Kind() == "verify":
		return onboarding.Observation{Findings: []onboarding.Finding{{Level: onboarding.OK, Name: "Everything",
			Detail: "as it should be"}}}, nil
	case key == "undo-database" && !p.made[run.Request.Slug+"/database"]:
		return onboarding.Observation{}, nil
	case key == "undo-database":
		return onboarding.Observation{Change: onboarding.Change{Summary: "Delete " + run.Request.DisplayName,
			Items: []onboarding.Item{{SQL: &onboarding.Transaction{
				Statements: []onboarding.Statement{{SQL: "DELETE FROM users WHERE slug = $1",
					Args: []string{run.Request.Slug}}}}}}}}, nil
	case p.made[name]:
		return onboarding.Observation{}, nil
	case key == "database":
		return onboarding.Observation{Change: onboarding.Change{Summary: "Insert " + run.Request.DisplayName,
			Items: []onboarding.Item{{SQL: &onboarding.Transaction{
				Statements: []onboarding.Statement{{SQL: "INSERT INTO users (slug, note) VALUES ($1, $2)",
					Args: []string{run.Request.Slug, p.version[name]}}}}}}}}, nil
	}
	page := strings.Repeat("<p>a line of the page</p>\n", 3000)
	return onboarding.Observation{Change: onboarding.Change{Summary: "Deploy " + key.Domain(),
		Items: []onboarding.Item{
			{Commit: &onboarding.Commit{Folder: "deployments/@domains/" + key.Domain(), Subject: "Deploy",
				Files: []onboarding.FileChange{
					{Path: "deployments/@domains/" + key.Domain() + "/index.html", Mode: "100644", After: &page}}}},
			{Command: &onboarding.Command{Host: "vps", Argv: []string{"deploy", key.Domain()}}},
		}}}, nil
}

func (p *fakePlatform) Authorize(onboarding.Authorization, onboarding.Item) error { return nil }

// Settle has nothing to wait for.
func (*fakePlatform) Settle(context.Context, onboarding.Authorization, onboarding.Change, func(string)) error {
	return nil
}

// ApplyItem applies a change with its last item, which is never a commit.
func (p *fakePlatform) ApplyItem(ctx context.Context, grant onboarding.Authorization, item onboarding.Item,
	log onboarding.Log) error {
	if item.Commit != nil {
		return nil
	}
	name := grant.Run.Request.Slug + "/" + string(grant.Step.Kind())
	for i := range 30 {
		log.Line("line " + string(rune('a'+i%26)) + " of " + name)
	}
	p.mu.Lock()
	hold, err := p.hold[name], p.broken[name]
	p.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err == nil {
		p.set(func() {
			p.made[name] = true
			if grant.Step == "undo-database" {
				p.made[grant.Run.Request.Slug+"/database"] = false
			}
		})
	}
	return err
}

func (p *fakePlatform) Tenant(_ context.Context, slug string) (*onboarding.Tenant, error) {
	if slug == "transquinnftw" {
		return &onboarding.Tenant{Slug: slug, Email: "quinn@example.com"}, nil
	}
	return nil, nil
}

var orgs = []onboarding.Org{{Slug: "cocotte", Name: "Cocotte & <Friends>"}, {Slug: "sansonnet", Name: "Sansonnet"}}

func (p *fakePlatform) Org(_ context.Context, slug string) (*onboarding.Org, error) {
	for _, org := range orgs {
		if org.Slug == slug {
			return &org, nil
		}
	}
	return nil, nil
}

func (p *fakePlatform) Orgs(_ context.Context, text string, _ int) ([]onboarding.Org, error) {
	var found []onboarding.Org
	for _, org := range orgs {
		if strings.Contains(strings.ToLower(org.Name), strings.ToLower(text)) {
			found = append(found, org)
		}
	}
	return found, nil
}

func (p *fakePlatform) EmailTaken(_ context.Context, email string) (string, error) {
	if email == "quinn@example.com" {
		return "transquinnftw", nil
	}
	if email == "away@example.com" {
		return "", errors.New("dial tcp 192.0.2.1:5432: connection refused")
	}
	return "", nil
}

func (p *fakePlatform) Deployed(ctx context.Context, domain string) (bool, error) {
	p.mu.Lock()
	slow := p.slow
	p.mu.Unlock()
	select {
	case <-slow:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return domain == "cocotte.com", nil
}
