package onboarding

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Renew begins a run that renews a domain's certificate, asked for like any other change. Of a domain that a run made live it takes
// what is known from there, the channel among it; what nobody onboarded is renewed as it is given. Its display name is the domain. It returns
// [ErrNotOperator], or [ErrBusy] while the domain is part of another run.
func (s *Service) Renew(ctx context.Context, domain Domain, operator, channel, submission string) (*Run, error) {
	requester, err := s.operator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if run, err := s.bySubmission(ctx, submission); err != nil || run != nil {
		return run, err
	}
	run := &Run{Kind: KindRenew, Requester: requester, Channel: channel, TenantID: uuid.New(),
		Request: Request{DisplayName: domain.Name, Domains: []Domain{domain}}}
	live, err := s.LiveDomain(ctx, domain.Name)
	if err != nil {
		return nil, err
	}
	if live != nil {
		made, err := loadRun(ctx, s.pool, live.Run)
		if err != nil {
			return nil, err
		}
		run.Request, run.TenantID, run.Channel, run.Renews = made.Request, made.TenantID, made.Channel, made.ID
		run.Request.DisplayName, run.Request.Domains = domain.Name, []Domain{live.Domain}
	}
	run, err = s.begin(ctx, run, s.Runbook.RenewSteps(run), submission)
	if violates(err) == "run_domains_one_active" {
		return nil, fmt.Errorf("%s is part of another run: %w", domain.Name, ErrBusy)
	}
	return run, err
}

// Renewals returns the renewals that are under way.
func (s *Service) Renewals(ctx context.Context) ([]*Run, error) {
	return s.runsWhere(ctx, s.pool, `kind = 'renew' AND state = 'active' ORDER BY created_at`)
}
