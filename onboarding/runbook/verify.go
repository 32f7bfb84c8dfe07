package runbook

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// clockSkew is how far the clocks of the bot's database and the platform's may be apart.
const clockSkew = time.Minute

// lookVerify makes the runbook's success checks. They leave nothing behind.
func (b *Runbook) lookVerify(ctx context.Context, run *onboarding.Run, early bool) (onboarding.Observation, error) {
	if early {
		return onboarding.Observation{Later: "The success checks come after everything else."}, nil
	}
	tenant, err := b.newTenant(ctx, run)
	if err != nil {
		return onboarding.Observation{}, err
	}
	checks := []check{
		func(ctx context.Context) []onboarding.Finding { return b.verifyPortal(ctx, run) },
		func(ctx context.Context) []onboarding.Finding { return b.verifySites(ctx, run) },
	}
	for _, who := range tenant.contexts() {
		checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.verifyIsolation(ctx, tenant, who) })
	}
	checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.verifyAge(ctx, run, tenant) })
	if tenant.org != nil {
		checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.verifySwitcher(ctx, tenant) })
	}
	return onboarding.Observation{Findings: atOnce(ctx, checks)}, ctx.Err()
}

// tenant is who was onboarded, as the platform has them.
type tenant struct {
	*onboarding.Tenant
	org *platform.Org // nil for who has none
}

func (b *Runbook) newTenant(ctx context.Context, run *onboarding.Run) (*tenant, error) {
	person, err := b.db.Tenant(ctx, run.Request.Slug)
	if err != nil {
		return nil, err
	}
	if person == nil {
		return nil, conflict("Retry the database step.", "There is no Person %s.", run.Request.Slug)
	}
	t := &tenant{Tenant: person}
	if run.Request.Mode == onboarding.ModePerson {
		return t, nil
	}
	if t.org, err = b.db.FindOrg(ctx, run.Request.Org.Slug); err != nil {
		return nil, err
	}
	if t.org == nil {
		return nil, conflict("Retry the database step.", "There is no Org %s.", run.Request.Org.Slug)
	}
	return t, nil
}

// contexts are the identities in which the tenant works: as a Person, and in the Org.
func (t *tenant) contexts() []platform.Identity {
	contexts := []platform.Identity{{User: t.ID}}
	if t.org != nil {
		contexts = append(contexts, platform.Identity{User: t.ID, Org: t.org.ID})
	}
	return contexts
}

// says names an identity of the tenant in a finding.
func (t *tenant) says(who platform.Identity) string {
	if who.Org == "" {
		return "as " + t.Slug
	}
	return "as " + t.Slug + " in " + t.org.Slug
}

// verifySwitcher looks whether the Org's owner finds the Provider in the context switcher.
func (b *Runbook) verifySwitcher(ctx context.Context, t *tenant) []onboarding.Finding {
	const name = "context switcher"
	var listed []string
	err := b.db.Try(ctx, func(session *platform.Session) error {
		if err := session.As(ctx, platform.Identity{User: t.org.Owner, Org: t.org.ID}); err != nil {
			return err
		}
		var err error
		listed, err = session.Switcher(ctx, t.org.ID)
		return err
	})
	switch {
	case err != nil:
		return []onboarding.Finding{bad(name, "Check platform.switcher.", "%s", platform.Explain(err))}
	case !slices.Contains(listed, t.ID) && !slices.Contains(listed, t.Slug):
		return []onboarding.Finding{bad(name, "Look at the Org's members.", "%s does not see %s in %s", t.org.OwnerSlug, t.Slug, t.org.Slug)}
	}
	return []onboarding.Finding{good(name, "%s sees %s in %s", t.org.OwnerSlug, t.Slug, t.org.Slug)}
}

// verifyAge looks for rows of the tenant that are older than its run, or, for one taken up from an earlier run, than the tenant.
func (b *Runbook) verifyAge(ctx context.Context, run *onboarding.Run, t *tenant) []onboarding.Finding {
	const name, fix = "no past", "Look where these rows come from: a new tenant has none."
	born, err := b.db.Born(ctx, t.ID)
	if err != nil {
		return []onboarding.Finding{bad(name, "Retry.", "%s", platform.Explain(err))}
	}
	if t.ID == run.TenantID.String() && born.Before(run.Created.Add(-clockSkew)) {
		return []onboarding.Finding{bad(name, fix, "the Person's row is from %s, the run from %s", born.UTC().Format(time.RFC3339), run.Created.UTC().Format(time.RFC3339))}
	}
	older, err := b.db.Older(ctx, t.ID, born)
	if err == nil {
		err = b.db.Try(ctx, func(session *platform.Session) error {
			for _, who := range t.contexts() {
				if err := session.As(ctx, who); err != nil {
					return err
				}
				for _, kind := range b.db.Rows() {
					count, err := session.Older(ctx, kind, t.ID, born)
					if err != nil {
						return err
					}
					if count > 0 {
						older = append(older, fmt.Sprintf("%d in %s", count, kind.Table))
					}
				}
			}
			return nil
		})
	}
	switch {
	case err != nil:
		return []onboarding.Finding{bad(name, "Check platform.rows.", "%s", platform.Explain(err))}
	case len(older) > 0:
		return []onboarding.Finding{bad(name, fix, "rows from before %s: %s", born.UTC().Format(time.RFC3339), strings.Join(older, ", "))}
	}
	return []onboarding.Finding{good(name, "no row of %s is older than its run", t.Slug)}
}

// verifySites looks once more at what visitors get: hours may have passed since each step was done.
func (b *Runbook) verifySites(ctx context.Context, run *onboarding.Run) []onboarding.Finding {
	var findings []onboarding.Finding
	for _, domain := range run.Request.Domains {
		s, err := b.site(run, onboarding.Key(verify+"/"+domain.Name))
		if err != nil {
			return []onboarding.Finding{bad(domain.Name, "Correct the configuration.", "%v", err)}
		}
		down := s.everywhere(func(at visit) error {
			if _, err := b.visitTLS(ctx, at); err != nil {
				return err
			}
			seen, err := b.prober.HTTPS(ctx, at.name, at.address, "/")
			if err == nil && !answers(seen.Status) {
				err = fmt.Errorf("https://%s at %s answers %d", at.name, at.address, seen.Status)
			}
			return err
		})
		if len(down) == 0 {
			down = []onboarding.Finding{good("https://"+domain.Name, "it and www. answer, with their certificate and a redirect from HTTP")}
		}
		findings = append(append(findings, down...), b.verifyMail(ctx, s)...)
	}
	return findings
}
