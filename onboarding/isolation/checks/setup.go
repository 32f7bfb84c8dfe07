package checks

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// Config is what checks need of the configuration.
type Config struct {
	AppRole          string
	Settings         session.Settings
	Tenancy          tenancy.Config
	ExcusedFunctions []string
	Budget           session.Budget
	// Unsent are operations that no API sends: notes instead of findings.
	Unsent []results.Operation
	// Deep adds the test of non-interference.
	Deep bool
}

// Platform is the database to check.
type Platform struct {
	// Truth are connections of a role that row-level security does not apply to.
	Truth *pgxpool.Pool
	// App logs in as the app role.
	App *pgx.ConnConfig
}

// Setup is what the checks of one run rest on. Each check takes from it what it needs.
type Setup struct {
	config   Config
	truth    *pgxpool.Pool
	dialer   *session.Dialer
	attempts *session.Attempts
	own      *session.Attempts // of victims, while an attempt is under way
	limiter  *session.Limiter
	model    *tenancy.Model
	scope    *scope
	victims  *victims.Victims
	rows     *victims.Rows
	prover   *proof.Prover
	fixes    *fixes.Writer
	results  *results.Collector
	roles    []string // that sessions can become
	// tenantRoles are those that the platform opens tenants' sessions with.
	tenantRoles []string
	// irreversible is what attempts leave alone.
	irreversible *irreversible
	canaries     *victims.Canaries
	only         string // id of the single tenant, or empty
}

// Prepare connects and reads everything that the checks rest on. tenant is the slug of the
// single tenant to check, or empty. The caller closes the setup.
func Prepare(ctx context.Context, platform Platform, config Config, tenant string) (*Setup, error) {
	dialer, err := session.NewDialer(ctx, platform.Truth, session.DialerConfig{
		App: platform.App, AppRole: config.AppRole, Settings: config.Settings, Budget: config.Budget,
	})
	if err != nil {
		return nil, err
	}
	s := &Setup{
		config: config, truth: platform.Truth, dialer: dialer, limiter: session.NewLimiter(config.Budget),
		attempts: session.NewAttempts(dialer), own: session.NewAttempts(dialer), results: results.NewCollector(),
	}
	if err := s.read(ctx, tenant); err != nil {
		s.Close(ctx)
		return nil, err
	}
	return s, nil
}

// read reads the catalog and the model, and chooses what to attack.
func (s *Setup) read(ctx context.Context, tenant string) error {
	cat, err := catalog.Load(ctx, s.truth, s.config.AppRole)
	if err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	from := tenancy.Source{Catalog: cat, Truth: s.truth, ReadAs: s.readAs}
	if s.model, err = tenancy.Discover(ctx, from, s.config.Tenancy); err != nil {
		return err
	}
	for _, note := range s.model.Notes {
		s.results.Note("%s", note)
	}
	if tenant != "" {
		if s.only, err = s.model.TenantID(ctx, s.truth, tenant); err != nil {
			return err
		}
	}
	if err := s.readRoles(ctx, cat); err != nil {
		return err
	}
	s.fixes = &fixes.Writer{
		Model: s.model, Settings: s.config.Settings, AppRole: s.config.AppRole, Owner: s.owner(), Truth: s.truth,
	}
	s.irreversible = newIrreversible(cat)
	s.scope = newScope(ctx, s)
	return s.chooseVictims(ctx)
}

// owner is the role that owns the platform's tables, to own what the app role should not.
func (s *Setup) owner() string {
	owner := s.model.Users.Table.Owner
	for _, t := range s.model.Catalog.Relations {
		if owner == s.config.AppRole {
			owner = t.Owner
		}
	}
	if owner == s.config.AppRole {
		return s.model.Catalog.DatabaseOwner
	}
	return owner
}

// readAs runs a query in a Person's session and returns its first column.
func (s *Setup) readAs(ctx context.Context, r tenancy.Reading) (values []string, err error) {
	lister := &session.Lister{Model: r.Model, Truth: s.truth, Settings: s.config.Settings}
	as, err := lister.Of(ctx, r.Person)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil // the platform opens no session for them
	}
	if err == nil {
		as, err = lister.In(ctx, as, r.Org)
	}
	if err != nil {
		return nil, err
	}
	err = s.attempts.Read(ctx, as, func(tx *session.Tx) error {
		values, err = tx.Strings(ctx, r.SQL)
		return err
	})
	return values, err
}

const serverSettingsSQL = `
SELECT name FROM pg_settings WHERE context = 'user' AND vartype = 'string'
   AND name NOT IN ('role', 'session_authorization', 'search_path')`

func (s *Setup) chooseVictims(ctx context.Context) error {
	server, err := query.Strings(ctx, s.truth, serverSettingsSQL)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	chosen := session.ReadChosenSettings(s.model.Catalog, s.config.Settings, server)
	for _, source := range chosen.Unread {
		s.results.LeaveOut("the settings that a source compares could not be read: %s", source)
	}
	s.victims, err = victims.Choose(ctx, victims.Config{
		Model: s.model, Truth: s.truth, Tables: s.scope.tables, Roles: s.roles, Only: s.only, Results: s.results,
		Chosen: chosen, Settings: s.config.Settings,
	})
	if err != nil {
		return fmt.Errorf("choose victims: %w", err)
	}
	s.rows = s.victims.Rows()
	s.results.Script, s.results.Redact = s.attempts.Script, s.rows.Redact
	s.prover = &proof.Prover{
		Model: s.model, Truth: s.truth, Attempts: s.attempts, Victims: s.victims, Own: s.own,
	}
	return nil
}

// readCanaries reads the canaries once for all checks.
func (s *Setup) readCanaries(ctx context.Context) (*victims.Canaries, error) {
	if s.canaries != nil {
		return s.canaries, nil
	}
	var err error
	s.canaries, err = s.rows.ReadCanaries(ctx)
	return s.canaries, err
}

// Close closes the connections of sessions.
func (s *Setup) Close(ctx context.Context) {
	s.attempts.Close(ctx)
	s.own.Close(ctx)
}

// LeftOut returns what could not be read or checked so far.
func (s *Setup) LeftOut() []string { return s.results.LeftOut() }
