package onboarding

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Check finds everything that is wrong with a request, in its form and against the world. It returns [Problems] then, and
// another error when the world could not be asked.
func (s *Service) Check(ctx context.Context, request Request) error {
	problems := request.check(s.config.ReservedSlugs, s.config.Hosts)
	earlier, err := s.earlier(ctx, request.Slug)
	if err != nil {
		return err
	}
	if problems[FieldSlug] == "" {
		if err := s.checkSlug(ctx, request, earlier, problems); err != nil {
			return err
		}
	}
	if problems[FieldEmail] == "" {
		holder, err := s.Platform.EmailTaken(ctx, request.Email)
		if err != nil {
			return fmt.Errorf("email: %w", err)
		}
		if holder != "" && holder != request.Slug {
			problems.add(FieldEmail, fmt.Sprintf("%s is the address of the Provider %s.", request.Email, holder))
		}
	}
	if problems[FieldOrg] == "" && request.Mode != ModePerson {
		if err := s.checkOrg(ctx, request, earlier, problems); err != nil {
			return err
		}
	}
	if problems[FieldDomains] == "" {
		if err := s.checkDomains(ctx, request, earlier, problems); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// checkSlug refuses a slug that is taken. One that an earlier run of the same Provider took is theirs, if the rest agrees:
// a cancelled onboarding can be taken up again.
func (s *Service) checkSlug(ctx context.Context, request Request, earlier *Run, problems Problems) error {
	var active uuid.UUID
	err := s.pool.QueryRow(ctx, `SELECT id FROM runs WHERE slug = $1 AND state = 'active' AND kind <> 'renew'`, request.Slug).Scan(&active)
	switch {
	case err == nil:
		problems.add(FieldSlug, fmt.Sprintf("%s is being onboarded already: see /onboard status %s.", request.Slug, request.Slug))
		return nil
	case !errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("active runs: %w", err)
	}
	tenant, err := s.Platform.Tenant(ctx, request.Slug)
	if err != nil {
		return fmt.Errorf("slug: %w", err)
	}
	switch {
	case tenant != nil && earlier == nil:
		problems.add(FieldSlug, fmt.Sprintf("%s is taken by a Provider.", request.Slug))
	case tenant != nil && tenant.Email != request.Email:
		problems.add(FieldEmail, fmt.Sprintf("%s was onboarded with another address; it is not overwritten.", request.Slug))
	case tenant != nil && tenant.DisplayName != request.DisplayName:
		problems.add(FieldName, fmt.Sprintf("%s was onboarded as %q; it is not overwritten.", request.Slug, tenant.DisplayName))
	}
	org, err := s.Platform.Org(ctx, request.Slug)
	if err != nil {
		return fmt.Errorf("slug: %w", err)
	}
	if org != nil {
		problems.add(FieldSlug, fmt.Sprintf("%s is taken by an Org.", request.Slug))
	}
	return nil
}

func (s *Service) checkOrg(ctx context.Context, request Request, earlier *Run, problems Problems) error {
	org, err := s.Platform.Org(ctx, request.Org.Slug)
	if err != nil {
		return fmt.Errorf("org: %w", err)
	}
	if request.Mode == ModeMember {
		if org == nil {
			problems.add(FieldOrg, fmt.Sprintf("There is no Org %s.", request.Org.Slug))
		}
		return nil
	}
	if org != nil && (earlier == nil || earlier.Request.Org.Slug != request.Org.Slug) {
		problems.add(FieldOrg, fmt.Sprintf("%s is taken by an Org.", request.Org.Slug))
	}
	tenant, err := s.Platform.Tenant(ctx, request.Org.Slug)
	if err != nil {
		return fmt.Errorf("org: %w", err)
	}
	if tenant != nil {
		problems.add(FieldOrg, fmt.Sprintf("%s is taken by a Provider.", request.Org.Slug))
	}
	return nil
}

func (s *Service) checkDomains(ctx context.Context, request Request, earlier *Run, problems Problems) error {
	for _, domain := range request.Domains {
		var slug string
		err := s.pool.QueryRow(ctx, `SELECT slug FROM runs JOIN run_domains ON run_id = id WHERE domain = $1 AND active AND slug <> $2`, domain.Name, request.Slug).Scan(&slug)
		switch {
		case err == nil:
			problems.also(FieldDomains, fmt.Sprintf("%s is part of the run of %s.", domain.Name, slug))
			continue
		case !errors.Is(err, pgx.ErrNoRows):
			return fmt.Errorf("domains: %w", err)
		}
		deployed, err := s.Repository.Deployed(ctx, domain.Name)
		if err != nil {
			return fmt.Errorf("domains: %w", err)
		}
		if deployed && !earlier.had(domain.Name) {
			problems.also(FieldDomains, fmt.Sprintf("%s is deployed already.", domain.Name))
		}
	}
	return nil
}

// had reports whether the run brought a domain; a nil run did not.
func (r *Run) had(domain string) bool {
	if r == nil {
		return false
	}
	for _, own := range r.Request.Domains {
		if own.Name == domain {
			return true
		}
	}
	return false
}

// earlier returns the newest run of a slug that ended, nil if there is none.
func (s *Service) earlier(ctx context.Context, slug string) (*Run, error) {
	runs, err := s.runsWhere(ctx, s.pool, `slug = $1 AND kind = 'onboard' AND state <> 'active' ORDER BY created_at DESC LIMIT 1`, slug)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return runs[0], nil
}

// Begin starts a run for a request. The submission is what the chat side calls the form that was sent: one sent twice
// begins one run. It returns [Problems] for a request that cannot stand.
func (s *Service) Begin(ctx context.Context, request Request, operator, channel, submission string) (*Run, error) {
	requester, err := s.operator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if run, err := s.bySubmission(ctx, submission); err != nil || run != nil {
		return run, err
	}
	if err := s.Check(ctx, request); err != nil {
		return nil, err
	}
	run, err := s.begin(ctx, &Run{Kind: KindOnboard, Request: request, Requester: requester, Channel: channel, TenantID: uuid.New()},
		s.Runbook.Steps(request), submission)
	switch violates(err) {
	case "runs_one_active_per_slug":
		return nil, Problems{FieldSlug: fmt.Sprintf("%s is being onboarded already: see /onboard status %s.", request.Slug, request.Slug)}
	case "run_domains_one_active":
		return nil, Problems{FieldDomains: "One of these domains is part of another run by now."}
	}
	return run, err
}

// begin gives a new run its id and its steps and puts it where the engine finds it. A submission that has begun one meanwhile begins no
// second. What stands in the way is told by [violates].
func (s *Service) begin(ctx context.Context, run *Run, steps []Definition, submission string) (*Run, error) {
	var err error
	if run.ID, err = uuid.NewV7(); err != nil {
		return nil, err
	}
	run.State = RunActive
	for _, definition := range steps {
		run.Steps = append(run.Steps, Step{Definition: definition, State: StepPending})
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := insertRun(ctx, tx, run, submission); err != nil {
			return err
		}
		if err := saveFacts(ctx, tx, run, run.Facts); err != nil {
			return err
		}
		if err := addEvent(ctx, tx, Event{RunID: run.ID, Kind: EventRequested, Actor: run.Requester}); err != nil {
			return err
		}
		return s.announce(ctx, tx, run.ID)
	})
	switch {
	case violates(err) == "runs_submission_key":
		return s.bySubmission(ctx, submission)
	case err != nil:
		return nil, fmt.Errorf("new run: %w", err)
	}
	s.log.InfoContext(ctx, "run began", "run", run.ID, "kind", run.Kind, "slug", run.Request.Slug, "requester", run.Requester.ID)
	return run, nil
}

func (s *Service) bySubmission(ctx context.Context, submission string) (*Run, error) {
	runs, err := s.runsWhere(ctx, s.pool, `submission = $1`, submission)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return runs[0], nil
}
