package service

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Renew begins a run that renews a domain's certificate, approved like any other change. For a
// domain that a run made live it takes what is known from that run, the channel included; any
// other domain is renewed as it is given. The run's display name is the domain. It returns
// [onboarding.ErrNotOperator], or [onboarding.ErrBusy] while the domain is part of another run.
func (s *Service) Renew(ctx context.Context, domain onboarding.Domain, asked Asked) (*onboarding.Run, error) {
	return s.once(ctx, asked, func(requester onboarding.Operator) (*onboarding.Run, error) {
		run := &onboarding.Run{Kind: onboarding.KindRenew, Requester: requester, Channel: asked.Channel,
			TenantID: uuid.New(),
			Request:  onboarding.Request{DisplayName: domain.Name, Domains: []onboarding.Domain{domain}}}
		live, err := s.Records.LiveDomain(ctx, domain.Name)
		if err != nil {
			return nil, err
		}
		if live != nil {
			made, err := store.On(s.pool).LoadRun(ctx, live.Run)
			if err != nil {
				return nil, err
			}
			run.Request, run.TenantID, run.Channel, run.Renews = made.Request, made.TenantID, made.Channel, made.ID
			run.Request.DisplayName, run.Request.Domains = domain.Name, []onboarding.Domain{live.Domain}
		}
		run.Request.At = asked.At
		run.Steps = pending(s.deps.Runbook.RenewSteps(run))
		run, err = s.insert(ctx, run, asked)
		if store.Violates(err) == store.OneActiveRunPerDomain {
			return nil, fmt.Errorf("%s is part of another run: %w", domain.Name, onboarding.ErrBusy)
		}
		return run, err
	})
}
