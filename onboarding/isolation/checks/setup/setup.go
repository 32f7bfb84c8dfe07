package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// Excuses reports whether the configuration says never to call a function.
func (c Config) Excuses(f *catalog.Function) bool {
	return slices.Contains(c.ExcusedFunctions, f.String())
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
	Config Config
	// Truth are connections of the role that row-level security does not apply to. Dialer opens
	// connections of the app role, Attempts runs the transactions of its sessions one at a time,
	// and Limiter bounds how many checks start in a second.
	Truth    *pgxpool.Pool
	Dialer   *session.Dialer
	Attempts *session.Attempts
	Limiter  *session.Limiter
	// Model says whose rows are whose, and Scope what there is to attack.
	Model *tenancy.Model
	Scope *Scope
	// Victims and Rows are those that are attacked, and Prover tells what an attack saw or wrote.
	Victims *victims.Victims
	Rows    *victims.Rows
	Prover  *proof.Prover
	Fixes   *fixes.Writer
	Results *results.Collector
	// Roles are those that sessions can become, and TenantRoles those that the platform opens
	// tenants' sessions with.
	Roles, TenantRoles []string
	// Irreversible is what attempts leave alone.
	Irreversible *Irreversible
	// Only is the id of the single tenant to check, or empty.
	Only string

	own      *session.Attempts // of victims, while an attempt is under way
	canaries *victims.Canaries
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
		Config: config, Truth: platform.Truth, Dialer: dialer, Limiter: session.NewLimiter(config.Budget),
		Attempts: session.NewAttempts(dialer), own: session.NewAttempts(dialer), Results: results.NewCollector(),
	}
	if err := s.read(ctx, tenant); err != nil {
		s.Close(ctx)
		return nil, err
	}
	return s, nil
}

// read reads the catalog and the model, and chooses what to attack.
func (s *Setup) read(ctx context.Context, tenant string) error {
	cat, err := catalog.Load(ctx, s.Truth, s.Config.AppRole)
	if err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	from := tenancy.Source{Catalog: cat, Truth: s.Truth, ReadAs: s.readAs}
	if s.Model, err = tenancy.Discover(ctx, from, s.Config.Tenancy); err != nil {
		return err
	}
	for _, note := range s.Model.Notes {
		s.Results.Note("%s", note)
	}
	if tenant != "" {
		if s.Only, err = s.Model.TenantID(ctx, s.Truth, tenant); err != nil {
			return err
		}
	}
	if err := s.readRoles(ctx, cat); err != nil {
		return err
	}
	s.Fixes = &fixes.Writer{
		Model: s.Model, Settings: s.Config.Settings, AppRole: s.Config.AppRole, Owner: s.owner(), Truth: s.Truth,
	}
	s.Irreversible = newIrreversible(cat)
	s.Scope = newScope(ctx, s)
	return s.chooseVictims(ctx)
}

// owner is the role that owns the platform's tables, to own what the app role should not.
func (s *Setup) owner() string {
	owner := s.Model.Users.Table.Owner
	for _, t := range s.Model.Catalog.Relations {
		if owner == s.Config.AppRole {
			owner = t.Owner
		}
	}
	if owner == s.Config.AppRole {
		return s.Model.Catalog.DatabaseOwner
	}
	return owner
}

// readAs runs a query in a Person's session and returns its first column.
func (s *Setup) readAs(ctx context.Context, r tenancy.Reading) (values []string, err error) {
	lister := &session.Lister{Model: r.Model, Truth: s.Truth, Settings: s.Config.Settings}
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
	err = s.Attempts.Read(ctx, as, func(tx *session.Tx) error {
		values, err = tx.Strings(ctx, r.SQL)
		return err
	})
	return values, err
}

const serverSettingsSQL = `
SELECT name FROM pg_settings WHERE context = 'user' AND vartype = 'string'
   AND name NOT IN ('role', 'session_authorization', 'search_path')`

func (s *Setup) chooseVictims(ctx context.Context) error {
	server, err := query.Strings(ctx, s.Truth, serverSettingsSQL)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	chosen := session.ReadChosenSettings(s.Model.Catalog, s.Config.Settings, server)
	for _, source := range chosen.Unread {
		s.Results.LeaveOut("the settings that a source compares could not be read: %s", source)
	}
	s.Victims, err = victims.Choose(ctx, victims.Config{
		Model: s.Model, Truth: s.Truth, Tables: s.Scope.Tables, Roles: s.Roles, Only: s.Only, Results: s.Results,
		Chosen: chosen, Settings: s.Config.Settings,
	})
	if err != nil {
		return fmt.Errorf("choose victims: %w", err)
	}
	s.Rows = s.Victims.Rows()
	s.Results.Script, s.Results.Redact = s.Attempts.Script, s.Rows.Redact
	s.Prover = &proof.Prover{
		Model: s.Model, Truth: s.Truth, Attempts: s.Attempts, Victims: s.Victims, Own: s.own,
	}
	return nil
}

// ReadCanaries reads the canaries once for all checks.
func (s *Setup) ReadCanaries(ctx context.Context) (*victims.Canaries, error) {
	if s.canaries != nil {
		return s.canaries, nil
	}
	var err error
	s.canaries, err = s.Rows.ReadCanaries(ctx)
	return s.canaries, err
}

// RollBack ends the transactions that attempts left to the next ones.
func (s *Setup) RollBack(ctx context.Context) {
	s.Attempts.RollBack(ctx)
	s.own.RollBack(ctx)
}

// Close closes the connections of sessions.
func (s *Setup) Close(ctx context.Context) {
	s.Attempts.Close(ctx)
	s.own.Close(ctx)
}
