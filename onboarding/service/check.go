package service

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Check finds everything that is wrong with a request, in its form and against the platform, the
// repository and other runs. It returns [onboarding.Problems] then, and another error when one of
// them could not be asked.
func (s *Service) Check(ctx context.Context, request onboarding.Request) error {
	earlier, err := store.NewestEndedOnboarding(ctx, s.pool, request.Slug)
	if err != nil {
		return err
	}
	return newCheck(s, request, earlier).all(ctx)
}

func newCheck(s *Service, request onboarding.Request, earlier *onboarding.Run) *requestCheck {
	return &requestCheck{pool: s.pool, platform: s.Platform, repository: s.deps.Repository, request: request,
		earlier: earlier, problems: request.Check(s.policy.ReservedSlugs, s.policy.Hosts),
		reserved: s.policy.CheckDomain}
}

// all makes every check of what has no problem so far.
func (c *requestCheck) all(ctx context.Context) error {
	for _, part := range []struct {
		field onboarding.Field
		check func(context.Context) error
	}{
		{onboarding.FieldSlug, c.slug}, {onboarding.FieldEmail, c.email}, {onboarding.FieldOrg, c.org},
		{onboarding.FieldDomains, c.domains},
	} {
		if c.problems[part.field] != "" {
			continue
		}
		if err := part.check(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.field, err)
		}
	}
	if len(c.problems) > 0 {
		return c.problems
	}
	return nil
}

// requestCheck is one check of a request. Earlier is the newest onboarding of the same slug that
// ended, nil if there is none: what it took is theirs, if the rest agrees, so a cancelled
// onboarding can be taken up again.
type requestCheck struct {
	pool       store.DB
	platform   onboarding.Platform
	repository onboarding.Repository
	request    onboarding.Request
	earlier    *onboarding.Run
	// replaces says that earlier is still active, and that the request is to take its place.
	replaces bool
	problems onboarding.Problems
	reserved func(domain string) string
}

// slug refuses a slug that is taken.
func (c *requestCheck) slug(ctx context.Context) error {
	slug := c.request.Slug
	active, err := store.HasActiveRun(ctx, c.pool, slug)
	if err != nil {
		return err
	}
	if active && !c.replaces {
		c.problems.Add(onboarding.FieldSlug, beingOnboarded(slug))
		return nil
	}
	tenant, err := c.platform.Tenant(ctx, slug)
	if err != nil {
		return err
	}
	switch {
	case tenant != nil && c.earlier == nil:
		c.problems.Add(onboarding.FieldSlug, fmt.Sprintf("%s is taken by a Provider. Choose another slug.", slug))
	case tenant != nil && tenant.Email != c.request.Email:
		c.problems.Add(onboarding.FieldEmail,
			fmt.Sprintf("%s was onboarded with another email address. Give that one.", slug))
	case tenant != nil && tenant.DisplayName != c.request.DisplayName:
		c.problems.Add(onboarding.FieldName,
			fmt.Sprintf("%s was onboarded as %q. Give that name.", slug, tenant.DisplayName))
	}
	org, err := c.platform.Org(ctx, slug)
	if err != nil {
		return err
	}
	if org != nil {
		c.problems.Add(onboarding.FieldSlug, fmt.Sprintf("%s is taken by an Org. Choose another slug.", slug))
	}
	return nil
}

// email refuses an address that another Provider has.
func (c *requestCheck) email(ctx context.Context) error {
	holder, err := c.platform.EmailTaken(ctx, c.request.Email)
	if err != nil {
		return err
	}
	if holder != "" && holder != c.request.Slug {
		c.problems.Add(onboarding.FieldEmail,
			fmt.Sprintf("%s is the address of the Provider %s. Each needs one of their own.", c.request.Email, holder))
	}
	return nil
}

// org refuses an Org to join that does not exist, and one to create whose slug is taken.
func (c *requestCheck) org(ctx context.Context) error {
	if c.request.Mode == onboarding.ModePerson {
		return nil
	}
	slug := c.request.Org.Slug
	org, err := c.platform.Org(ctx, slug)
	if err != nil {
		return err
	}
	if c.request.Mode == onboarding.ModeMember {
		if org == nil {
			c.problems.Add(onboarding.FieldOrg, fmt.Sprintf("There is no Org %s. Choose one that exists.", slug))
		}
		return nil
	}
	if org != nil && (c.earlier == nil || c.earlier.Request.Org.Slug != slug) {
		c.problems.Add(onboarding.FieldOrg, fmt.Sprintf("%s is taken by an Org. Choose another slug.", slug))
	}
	tenant, err := c.platform.Tenant(ctx, slug)
	if err != nil {
		return err
	}
	if tenant != nil {
		c.problems.Add(onboarding.FieldOrg, fmt.Sprintf("%s is taken by a Provider. Choose another slug.", slug))
	}
	return nil
}

// domains refuses domains that are reserved, deployed, or of another Provider.
func (c *requestCheck) domains(ctx context.Context) error {
	for _, domain := range c.request.Domains {
		if problem := c.reserved(domain.Name); problem != "" {
			c.problems.Append(onboarding.FieldDomains, problem)
			continue
		}
		holder, err := store.DomainHolder(ctx, c.pool, domain.Name, c.request.Slug)
		if err != nil {
			return err
		}
		if holder != "" {
			c.problems.Append(onboarding.FieldDomains,
				fmt.Sprintf("%s is part of the run of %s. "+
					"Leave it out, or wait until that run has ended.", domain.Name, holder))
			continue
		}
		deployed, err := c.repository.Deployed(ctx, domain.Name)
		if err != nil {
			return err
		}
		if deployed && !c.earlier.HasDomain(domain.Name) {
			c.problems.Append(onboarding.FieldDomains, fmt.Sprintf("%s is already deployed: its folder is in the "+
				"repository. Leave it out, or have its onboarding undone or its folder removed first.", domain.Name))
			continue
		}
		claim := store.DomainClaim{Domain: domain.Name, Slug: c.request.Slug}
		if c.request.Mode == onboarding.ModeMember {
			claim.Org = c.request.Org.Slug
		}
		owner, theirs, err := store.DomainOwner(ctx, c.pool, claim)
		if err != nil {
			return err
		}
		if owner != "" {
			c.problems.Append(onboarding.FieldDomains, fmt.Sprintf(
				"%s overlaps with %s, a domain of the Provider %s. Leave it out.", domain.Name, theirs, owner))
		}
	}
	return nil
}

func beingOnboarded(slug string) string {
	return fmt.Sprintf("%s is already being onboarded: see /onboard status %s.", slug, slug)
}
