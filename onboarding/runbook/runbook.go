package runbook

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// Parts are what the runbook works with; [Connect] makes them of a configuration.
type Parts struct {
	Platform *platform.DB
	Hosts    map[string]*hosts.Host // by the name in the configuration
	Repo     *repo.Repo
	Resolver *dns.Resolver
	Prober   *probe.Prober
	// Assets and Isolation are of another house, which puts them in place of those that [Connect] leaves here: none, and off.
	Assets    Assets
	Isolation Isolation
}

// Connect makes the parts. Nothing is asked of anything yet. The caller closes them.
func Connect(config Config) (*Parts, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	parts := &Parts{Assets: noAssets{}, Isolation: IsolationOff{}}
	if err := parts.connectSites(config); err != nil {
		return nil, err
	}
	var err error
	if parts.Repo, err = repo.New(parts.Hosts[config.Repository.Host], config.Repository.Config); err != nil {
		return nil, err
	}
	if parts.Platform, err = platform.New(config.Platform); err != nil {
		return nil, err
	}
	return parts, nil
}

// Warm opens the connections that the first run would wait for. What cannot be reached is left to whoever needs it.
func (p *Parts) Warm(ctx context.Context) {
	var warming sync.WaitGroup
	for _, host := range p.Hosts {
		warming.Go(func() { _, _ = host.Ping(ctx) })
	}
	warming.Wait()
}

// Close ends every connection.
func (p *Parts) Close() {
	if p.Platform != nil {
		p.Platform.Close()
	}
	var closing sync.WaitGroup
	for _, host := range p.Hosts {
		closing.Go(func() { _ = host.Close() }) // a connection that cannot be ended ends by itself when idle
	}
	closing.Wait()
}

// Runbook is the runbook over the real parts. It is safe for concurrent use.
type Runbook struct {
	config    Config
	db        *platform.DB
	hosts     map[string]*hosts.Host
	repo      *repo.Repo
	resolver  *dns.Resolver
	publisher *dns.Publisher // nil where the records are made by hand
	prober    *probe.Prober
	assets    Assets
	isolation Isolation
	planner   *renewal.Planner
	scripts   sync.Map // SHA-256 of every deploy.sh that bash has read
	ends      sync.Map // the applications whose end this process has seen, by run and step
}

var (
	_ onboarding.Runbook    = (*Runbook)(nil)
	_ onboarding.Applier    = (*Runbook)(nil)
	_ onboarding.Repository = (*Runbook)(nil)
)

// New returns the runbook of a configuration over its parts.
func New(parts *Parts, config Config) (*Runbook, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	b := &Runbook{config: config, db: parts.Platform, hosts: parts.Hosts, repo: parts.Repo, resolver: parts.Resolver, prober: parts.Prober, assets: parts.Assets, isolation: parts.Isolation}
	var err error
	if b.planner, err = NewPlanner(parts, config, nil); err != nil {
		return nil, err
	}
	if config.DNS.Provider == RFC2136 {
		if b.publisher, err = dns.NewPublisher(config.DNS.Updates); err != nil {
			return nil, fmt.Errorf("dns.rfc2136: %w", err)
		}
	}
	return b, nil
}

// Kinds of steps.
const (
	preflight    = "preflight"
	database     = "database"
	publish      = "dns"
	deployConfig = "deploy-config"
	deploy       = "deploy"
	certificate  = "certificate"
	syncConf     = "sync"
	goLive       = "go-live"
	verify       = "verify"
	renew        = "renew"
	isolated     = "isolation"
	mailKey      = "mail-key"
	setupMail    = "mail"
)

// Kinds are the kinds of steps that are approved, each with what takes it back.
func Kinds() []onboarding.Kind {
	kinds := []onboarding.Kind{database, publish, mailKey, setupMail, deployConfig, deploy, certificate, syncConf, goLive, renew}
	for _, kind := range []onboarding.Kind{deploy, certificate, deployConfig, publish, setupMail, mailKey, database} {
		kinds = append(kinds, undo+kind)
	}
	return kinds
}

// Steps lists the steps of a request in the order of the runbook. Domains do not wait for each other.
func (b *Runbook) Steps(request onboarding.Request) []onboarding.Definition {
	list := []onboarding.Definition{
		{Key: preflight, Title: "Preflight"},
		{Key: database, Title: "Database rows", Destructive: true, After: []onboarding.Key{preflight}},
	}
	_, off := b.isolation.(IsolationOff)
	if !off {
		list = append(list, onboarding.Definition{Key: isolated, Title: "Isolation from all others", After: []onboarding.Key{database}})
	}
	last := []onboarding.Key{database}
	for _, domain := range request.Domains {
		key := func(kind string) onboarding.Key { return onboarding.Key(kind + "/" + domain.Name) }
		add := func(kind, title string, destructive bool, after ...onboarding.Key) {
			list = append(list, onboarding.Definition{Key: key(kind), Title: title + " " + domain.Name, Destructive: destructive, After: after})
		}
		before := []onboarding.Key{preflight}
		site := &site{domain: domain.Name, mail: domain.Mail}
		if len(b.keyFiles(site)) > 0 {
			add(mailKey, "DKIM key of", true, preflight)
			before = append(before, key(mailKey))
		}
		// The mailbox is there before mail is sent to it.
		if b.config.Mail.Setup.of(domain.Mail.Plan).Make != nil {
			add(setupMail, "Mail of", true, preflight)
			before = append(before, key(setupMail))
		}
		add(publish, "DNS of", b.publisher != nil, before...)
		add(deployConfig, "Deploy config of", true, preflight)
		add(deploy, "Deploy", true, database, key(publish), key(deployConfig))
		add(certificate, "Certificate of", true, key(deploy))
		add(syncConf, "Sync nginx conf of", true, key(certificate))
		before = []onboarding.Key{key(syncConf)}
		if !off { // what another tenant can reach does not go live
			before = append(before, isolated)
		}
		add(goLive, "Go live with", true, before...)
		last = append(last, key(goLive))
	}
	return append(list, onboarding.Definition{Key: verify, Title: "Verify", After: last})
}

// Observe answers what is left to do. See the file of each step.
func (b *Runbook) Observe(ctx context.Context, run *onboarding.Run, key onboarding.Key) (onboarding.Observation, error) {
	switch key.Kind() {
	case undo + database:
		return b.lookUndoDatabase(ctx, run)
	case preflight:
		return b.lookPreflight(ctx, run)
	case database:
		return b.lookDatabase(ctx, run)
	case verify:
		return b.lookVerify(ctx, run, early(run, key))
	case isolated:
		return b.lookIsolation(ctx, run, early(run, key))
	}
	look := map[onboarding.Kind]func(context.Context, *view) (onboarding.Observation, error){
		publish: b.lookDNS, deployConfig: b.lookDeployConfig, deploy: b.lookDeploy, certificate: b.lookCertificate, syncConf: b.lookSync, goLive: b.lookGoLive, renew: b.lookRenew, mailKey: b.lookMailKey, setupMail: b.lookMail,
		undo + deploy: b.lookUndoDeploy, undo + certificate: b.lookUndoCertificate, undo + deployConfig: b.lookUndoFiles, undo + publish: b.lookUndoDNS, undo + setupMail: b.lookUndoMail, undo + mailKey: b.lookUndoMailKey,
	}[key.Kind()]
	if look == nil {
		return onboarding.Observation{}, fmt.Errorf("the runbook has no step %s", key)
	}
	site, err := b.site(run, key)
	if err != nil {
		return onboarding.Observation{}, err
	}
	return look(ctx, &view{site: site, run: run, key: key, early: early(run, key)})
}

// view is a site as one step of a run looks at it.
type view struct {
	*site
	run *onboarding.Run
	key onboarding.Key
	// early says that steps before this one are not done yet, so that the look is for a plan.
	early bool
}

func early(run *onboarding.Run, key onboarding.Key) bool {
	step := run.Step(key)
	return step != nil && slices.ContainsFunc(step.After, func(before onboarding.Key) bool {
		other := run.Step(before)
		return other != nil && other.State != onboarding.StepDone
	})
}

// application names one step of one run.
type application struct {
	run uuid.UUID
	key onboarding.Key
}

// ended says that the step was applied by this process and everything that it ran on a host has ended.
func (b *Runbook) ended(v *view) bool {
	end, seen := b.ends.Load(application{v.run.ID, v.key})
	return seen && end == true
}

// unsettled is the lock of what an earlier application may have left running on a host, since that outlives the bot: what is seen
// once nobody holds it is its end. Empty where there was none, or its end was seen.
func (b *Runbook) unsettled(v *view) string {
	step := v.run.Step(v.key)
	if step == nil || step.State != onboarding.StepApproved && step.State != onboarding.StepApplying || b.ended(v) {
		return ""
	}
	return lockNginx
}
