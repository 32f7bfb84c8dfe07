package runbook

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/runbook/portal"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
	"github.com/atlilith/onboardbot/onboarding/runbook/tenantcheck"
)

const kindVerify = onboarding.KindVerify

// verifyStep makes the success checks of the runbook. They leave nothing behind.
func verifyStep(c *components) Step {
	v := &verification{db: c.Platform, others: c.config.Others, sites: c.sites, visitors: c.visitors, mail: c.mail,
		portal: c.portal}
	return Step{
		Kind: kindVerify, Title: "Verify",
		After:   []onboarding.Kind{kindDatabase, kindGoLive},
		Observe: v.observe,
	}
}

type verification struct {
	db       *platform.DB
	others   int // how many other tenants the new one is tried against
	sites    *site.Finder
	visitors site.Prober
	mail     *siteMail
	portal   *portal.Portal
}

func (v *verification) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	if s.forPlan {
		return onboarding.Observation{Later: "the success checks run after all other steps"}, nil
	}
	tenant, err := tenantcheck.Find(ctx, v.db, s.run.Request)
	if err != nil {
		return onboarding.Observation{}, err
	}
	checks := []check{
		func(ctx context.Context) []onboarding.Finding { return v.portal.Verify(ctx, s.run) },
		func(ctx context.Context) []onboarding.Finding { return v.checkSites(ctx, s.run) },
	}
	for _, who := range tenant.Identities() {
		checks = append(checks,
			func(ctx context.Context) []onboarding.Finding { return tenant.Rows(ctx, who, v.others) })
	}
	checks = append(checks,
		func(ctx context.Context) []onboarding.Finding { return tenant.Age(ctx, s.run) },
		tenant.Switcher)
	findings := checkTogether(ctx, checks)
	reopen := v.withoutTLS(ctx, s.run, findings)
	return onboarding.Observation{Findings: findings, Reopen: reopen}, ctx.Err()
}

// withoutTLS returns the steps that obtain the certificates of the sites that have lost theirs, if
// a check failed.
func (v *verification) withoutTLS(
	ctx context.Context, run *onboarding.Run, findings []onboarding.Finding,
) (reopen []onboarding.Key) {
	if _, failed := (onboarding.Observation{Findings: findings}).Failure(); !failed {
		return nil
	}
	for _, domain := range run.Request.Domains {
		s, err := v.sites.Site(run, domain)
		if err != nil {
			continue // a finding has it
		}
		installed, err := s.Installed(ctx)
		if err == nil && withoutTLS(ctx, s, installed, v.visitors) {
			reopen = append(reopen, certificateOf(s))
		}
	}
	return reopen
}

// checkSites checks once more what visitors get: hours may have passed since each step was done.
func (v *verification) checkSites(ctx context.Context, run *onboarding.Run) []onboarding.Finding {
	var findings []onboarding.Finding
	for _, domain := range run.Request.Domains {
		s, err := v.sites.Site(run, domain)
		if err != nil {
			return []onboarding.Finding{onboarding.Failing(domain.Name, "Correct the configuration.", "%v", err)}
		}
		found := s.Everywhere(func(at site.Endpoint) error {
			if _, err := v.visitors.Certificate(ctx, at); err != nil {
				return err
			}
			return v.visitors.SecurePage(ctx, at)
		})
		if len(found) == 0 {
			found = []onboarding.Finding{onboarding.Passed("https://"+s.Domain,
				"the domain and www. answer with a valid certificate, and HTTP redirects to HTTPS")}
		}
		findings = append(append(findings, found...), v.mail.verify(ctx, s)...)
	}
	return findings
}
