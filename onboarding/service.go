package onboarding

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/internal/jobs"
)

// Config is the policy of onboarding.
type Config struct {
	// ReservedSlugs can not be taken by a Provider or an Org. Default: none.
	ReservedSlugs []string `yaml:"reserved_slugs"`
	// Hosts are the names of the VPSes that a domain may point at. The wiring takes them from the runbook's configuration.
	Hosts []string `yaml:"-"`
	// ApprovalLife is how long a second operator has to decide. Default: 24h.
	ApprovalLife time.Duration `yaml:"approval_life"`
	// RemindBefore is how long before an approval expires the approvers hear of it again. Default: 1h.
	RemindBefore time.Duration `yaml:"remind_before"`
	// EscalateAfter is how long an approval may stay open before the second group hears of it. Default: 0, never.
	EscalateAfter time.Duration `yaml:"escalate_after"`
	// Rules say what an approval of a kind of step needs, by kind, such as certificate. Default: one approver, no reason.
	Rules map[string]Rule `yaml:"rules"`
	// BreakGlass lets an operator approve their own request, with a reason and told to everyone who was skipped. Default: false.
	BreakGlass bool `yaml:"break_glass"`
	// Settle is how long a step may take to show its effect after its change was applied. Default: 15s.
	Settle time.Duration `yaml:"settle"`
	// StepTimeout bounds one step, looks and application together. It must stay below half an hour, the timeout of the job
	// that carries it. Default: 20m.
	StepTimeout time.Duration `yaml:"step_timeout"`
}

// Rule is what an approval needs.
type Rule struct {
	// Approvers is how many distinct people must agree. Default: 1.
	Approvers int `yaml:"approvers"`
	// Reason makes those who agree say why. Default: false.
	Reason bool `yaml:"reason"`
}

// rule returns what an approval of a kind of step needs.
func (c *Config) rule(kind string) Rule {
	rule := c.Rules[kind]
	rule.Approvers = max(rule.Approvers, 1)
	return rule
}

// JobTimeout bounds one job that advances a run. River's RescueStuckJobsAfter must be longer, as its default of an hour is.
const JobTimeout = 45 * time.Minute

// Defaults fills what is not set.
func (c *Config) Defaults() {
	for _, field := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{
		{&c.ApprovalLife, 24 * time.Hour}, {&c.RemindBefore, time.Hour}, {&c.Settle, 15 * time.Second}, {&c.StepTimeout, 20 * time.Minute},
	} {
		if *field.value == 0 {
			*field.value = field.otherwise
		}
	}
}

// Validate reports every value that cannot stand, each with its key.
func (c *Config) Validate() error {
	var problems []error
	if c.ApprovalLife < 0 || c.RemindBefore < 0 || c.Settle < 0 {
		problems = append(problems, errors.New("approval_life, remind_before, settle: a duration cannot be negative"))
	}
	if c.RemindBefore >= c.ApprovalLife {
		problems = append(problems, fmt.Errorf("remind_before: %s is not shorter than approval_life %s", c.RemindBefore, c.ApprovalLife))
	}
	if c.StepTimeout <= 0 || c.StepTimeout >= 30*time.Minute {
		problems = append(problems, fmt.Errorf("step_timeout: %s is not between 0 and 30m", c.StepTimeout))
	}
	if c.EscalateAfter < 0 || c.EscalateAfter >= c.ApprovalLife {
		problems = append(problems, fmt.Errorf("escalate_after: %s is not between 0 and approval_life %s", c.EscalateAfter, c.ApprovalLife))
	}
	for kind, rule := range c.Rules {
		if rule.Approvers < 0 {
			problems = append(problems, fmt.Errorf("rules.%s.approvers: %d is negative", kind, rule.Approvers))
		}
	}
	return errors.Join(problems...)
}

// Dependencies are what the outside implements for the domain.
type Dependencies struct {
	Runbook    Runbook
	Directory  Directory
	Platform   Platform
	Repository Repository
	Audience   Notifier
}

// Service is what operators can do: ask, decide, steer and look. It is safe for concurrent use, and any replica can serve
// any call: everything it knows is in the database.
type Service struct {
	Dependencies
	pool   *pgxpool.Pool
	jobs   *river.Client[pgx.Tx]
	config Config
	log    *slog.Logger
	driven sync.Map // by the id of each run that this process advances, a channel that takes word of changes
}

// New returns a service on the bot's own database, whose connections must have the schema of [Migrate] as their search path.
func New(pool *pgxpool.Pool, ports Dependencies, config Config, log *slog.Logger) (*Service, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	inserter, err := jobs.Inserter(pool, "", log)
	if err != nil {
		return nil, err
	}
	return &Service{Dependencies: ports, pool: pool, jobs: inserter, config: config, log: log}, nil
}

// change is how everything changes: the run is locked and read again, the change made, the audience and the engine told,
// all in one transaction.
func (s *Service) change(ctx context.Context, id uuid.UUID, apply func(tx pgx.Tx, run *Run) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		run, err := lockRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := apply(tx, run); err != nil {
			return err
		}
		return s.announce(ctx, tx, id)
	})
}

// announce lets the engine look at the run and the audience hear of it, once the transaction commits.
func (s *Service) announce(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if err := s.wake(ctx, tx, id, time.Time{}); err != nil {
		return err
	}
	return s.Audience.RunChanged(ctx, tx, id)
}

// wake lets the engine look at the run at a time, at once for the zero time.
func (s *Service) wake(ctx context.Context, tx pgx.Tx, id uuid.UUID, at time.Time) error {
	if _, err := s.jobs.InsertTx(ctx, tx, advanceArgs{RunID: id}, &river.InsertOpts{ScheduledAt: at}); err != nil {
		return fmt.Errorf("waking run %s: %w", id, err)
	}
	return nil
}

// operator returns who somebody is if they may ask for runs and steer them.
func (s *Service) operator(ctx context.Context, id string) (Operator, error) {
	standing, err := s.Directory.Permissions(ctx, id)
	if err != nil {
		return Operator{}, fmt.Errorf("operator: %w", err)
	}
	if !standing.Operates && !standing.Approves {
		return Operator{}, &PermissionError{Because: standing.Refused, Err: ErrNotOperator}
	}
	return standing.Operator, nil
}

// Operator returns who somebody is, or a [PermissionError] when they may do nothing here.
func (s *Service) Operator(ctx context.Context, id string) (Operator, error) {
	return s.operator(ctx, id)
}
