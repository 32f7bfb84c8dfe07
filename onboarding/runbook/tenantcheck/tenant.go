package tenantcheck

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

// Tenant is a Provider who was onboarded, as the platform has them.
type Tenant struct {
	db     *platform.DB
	person *onboarding.Tenant
	org    *platform.Org // nil for a Provider without an Org
}

// Find returns the tenant of a request. It returns an [onboarding.ConflictError] if a row is
// missing.
func Find(ctx context.Context, db *platform.DB, request onboarding.Request) (*Tenant, error) {
	const fix = "Retry the database step."
	person, err := db.Tenant(ctx, request.Slug)
	if err != nil {
		return nil, err
	}
	if person == nil {
		return nil, onboarding.Conflictf(fix, "There is no Person %s.", request.Slug)
	}
	t := &Tenant{db: db, person: person}
	if request.Mode == onboarding.ModePerson {
		return t, nil
	}
	if t.org, err = db.FindOrg(ctx, request.Org.Slug); err != nil {
		return nil, err
	}
	if t.org == nil {
		return nil, onboarding.Conflictf(fix, "There is no Org %s.", request.Org.Slug)
	}
	return t, nil
}

// Identities are those in which the tenant works: as a Person, and in the Org.
func (t *Tenant) Identities() []platform.Identity {
	list := []platform.Identity{{User: t.person.ID}}
	if t.org != nil {
		list = append(list, platform.Identity{User: t.person.ID, Org: t.org.ID})
	}
	return list
}

// describe names an identity of the tenant in a finding.
func (t *Tenant) describe(who platform.Identity) string {
	if who.Org == "" {
		return "as " + t.person.Slug
	}
	return "as " + t.person.Slug + " in " + t.org.Slug
}

// Switcher finds whether the Org's owner sees the Provider in the context switcher. There is no
// finding for a Provider without an Org.
func (t *Tenant) Switcher(ctx context.Context) []onboarding.Finding {
	const name = "context switcher"
	if t.org == nil {
		return nil
	}
	var listed []string
	err := t.db.Try(ctx, func(session *platform.Session) error {
		if err := session.As(ctx, platform.Identity{User: t.org.Owner, Org: t.org.ID}); err != nil {
			return err
		}
		var err error
		listed, err = session.Switcher(ctx, t.org.ID)
		return err
	})
	switch {
	case err != nil:
		return []onboarding.Finding{onboarding.Failing(name, "Check platform.switcher.", "%s", platform.Explain(err))}
	case !slices.Contains(listed, t.person.ID) && !slices.Contains(listed, t.person.Slug):
		return []onboarding.Finding{onboarding.Failing(name, "Check the Org's members.", "%s does not see %s in %s",
			t.org.OwnerSlug, t.person.Slug, t.org.Slug)}
	}
	return []onboarding.Finding{onboarding.Passed(name, "%s sees %s in %s", t.org.OwnerSlug, t.person.Slug,
		t.org.Slug)}
}

// Age finds rows of the tenant that are older than the run or, if the tenant existed before the
// run, older than the tenant.
func (t *Tenant) Age(ctx context.Context, run *onboarding.Run) []onboarding.Finding {
	const name, fix = "no row predates the run", "Find out where these rows come from: a new tenant has none."
	born, err := t.db.CreatedAt(ctx, t.person.ID)
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, "Retry.", "%s", platform.Explain(err))}
	}
	if t.person.ID == run.TenantID.String() && born.Before(run.Created.Add(-clockSkew)) {
		return []onboarding.Finding{onboarding.Failing(name, fix, "the Person's row is from %s, the run from %s",
			born.UTC().Format(time.RFC3339), run.Created.UTC().Format(time.RFC3339))}
	}
	older, err := t.older(ctx, born)
	switch {
	case err != nil:
		return []onboarding.Finding{onboarding.Failing(name, "Check platform.rows.", "%s", platform.Explain(err))}
	case len(older) > 0:
		return []onboarding.Finding{onboarding.Failing(name, fix, "rows from before %s: %s",
			born.UTC().Format(time.RFC3339), strings.Join(older, ", "))}
	}
	return []onboarding.Finding{onboarding.Passed(name, "no row of %s is older than its run", t.person.Slug)}
}

// older returns where the tenant has rows from before a time, as "2 in bookings".
func (t *Tenant) older(ctx context.Context, than time.Time) ([]string, error) {
	older, err := t.db.Older(ctx, t.person.ID, than)
	if err != nil {
		return nil, err
	}
	err = t.db.Try(ctx, func(session *platform.Session) error {
		for _, who := range t.Identities() {
			if err := session.As(ctx, who); err != nil {
				return err
			}
			for _, kind := range t.db.Rows() {
				count, err := session.Older(ctx, kind, t.person.ID, than)
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
	return older, err
}
