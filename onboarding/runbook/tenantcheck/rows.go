package tenantcheck

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// maxNamed is how many of those who see a row are named.
const maxNamed = 5

// rowTest inserts test rows with one identity of a tenant and tries who sees them, inside a
// session that is rolled back.
type rowTest struct {
	tenant   *Tenant
	who      platform.Identity
	others   []string // ids of other tenants
	session  *platform.Session
	rows     []platform.Row
	findings []onboarding.Finding
}

// Rows inserts a test row of every kind as the application, with one identity of the tenant, and
// finds who sees it. It tries at most so many other tenants. Everything happens in one
// transaction, because nobody else could see what is not committed: the others are tried by taking
// on their identities in it. Nothing is left afterwards.
func (t *Tenant) Rows(ctx context.Context, who platform.Identity, others int) []onboarding.Finding {
	ids, err := t.db.OtherTenants(ctx, t.person.ID, who.Org, others)
	test := &rowTest{tenant: t, who: who, others: ids}
	if err == nil {
		err = t.db.Try(ctx, func(session *platform.Session) error {
			test.session = session
			for _, try := range []func(context.Context) error{test.insert, test.invisible, test.direct} {
				if err := try(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil {
		err = t.db.Try(ctx, func(session *platform.Session) error {
			test.session = session
			return test.checkRemoved(ctx)
		})
	}
	if err != nil {
		test.findings = append(test.findings, onboarding.Failing("tenant isolation "+t.describe(who),
			"Check platform.rows and platform.settings.", "%s", platform.Explain(err)))
	}
	return test.findings
}

// report adds the finding of one check, which failed if anything is wrong.
func (r *rowTest) report(name string, wrong []string, fine string) {
	name += ", " + r.tenant.describe(r.who)
	finding := onboarding.Passed(name, "%s", fine)
	if len(wrong) > 0 {
		finding = onboarding.Failing(name, "Do not give this Provider access until the cause is understood.", "%s",
			strings.Join(wrong, "; "))
	}
	r.findings = append(r.findings, finding)
}

// insert adds the test rows and checks whose they became.
func (r *rowTest) insert(ctx context.Context) error {
	if err := r.session.As(ctx, r.who); err != nil {
		return err
	}
	for _, kind := range r.tenant.db.Rows() {
		row, err := r.session.Insert(ctx, kind, r.who)
		var wrong []string
		switch {
		case err != nil:
			wrong = append(wrong, "it is refused: "+platform.Explain(err))
		case row.User != r.who.User || row.Org != r.who.Org:
			wrong = append(wrong, fmt.Sprintf("it has the user %s and the Org %q", row.User, row.Org))
		default:
			r.rows = append(r.rows, row)
		}
		fine := "has the right " + kind.User
		if r.who.Org != "" {
			fine += " and " + kind.Org
		}
		r.report("test "+kind.Name, wrong, fine)
	}
	return nil
}

// invisible tries to see the test rows with every other identity, and with none. A session that
// acts in an Org chooses the Org freely, so that is tried too.
func (r *rowTest) invisible(ctx context.Context) error {
	slug := r.tenant.person.Slug
	identities := []platform.Identity{r.who, {}}
	if r.who.Org != "" {
		identities = append(identities, platform.Identity{Org: r.who.Org})
	}
	for _, other := range r.others {
		identities = append(identities, platform.Identity{User: other})
		if r.tenant.org != nil {
			identities = append(identities, platform.Identity{User: other, Org: r.tenant.org.ID})
		}
	}
	seen, err := r.session.CountVisible(ctx, r.rows, identities...)
	if err != nil {
		return err
	}
	var wrong []string
	if seen[0] != len(r.rows) {
		wrong = append(wrong, fmt.Sprintf("%s sees %d of their own %d test rows", slug, seen[0], len(r.rows)))
	}
	for i, identity := range identities[1:] {
		if seen[i+1] == 0 {
			continue
		}
		other := "tenant " + identity.User
		if identity.User == "" {
			other = "a session without identity"
		}
		wrong = append(wrong, fmt.Sprintf("%s sees %d of %d test rows", other, seen[i+1], len(r.rows)))
	}
	r.report("invisible to others", wrong[:min(len(wrong), maxNamed)],
		fmt.Sprintf("%d other tenants and sessions without identity see none of %d rows", len(r.others), len(r.rows)))
	return nil
}

// direct asks for rows of another tenant by their id and by whose they are, as an intentionally
// bad query would.
func (r *rowTest) direct(ctx context.Context) error {
	slug, kinds := r.tenant.person.Slug, r.tenant.db.Rows()
	if len(r.others) == 0 {
		r.findings = append(r.findings, onboarding.Finding{Level: onboarding.Warning,
			Name: "cross-tenant read, " + r.tenant.describe(r.who), Detail: "there is no other tenant to read from"})
		return nil
	}
	victim := platform.Identity{User: r.others[0]}
	if err := r.session.As(ctx, victim); err != nil {
		return err
	}
	var theirs []platform.Row
	for _, kind := range kinds {
		if row, err := r.session.Insert(ctx, kind, victim); err == nil {
			theirs = append(theirs, row)
		}
	}
	// The victim must see its own rows: otherwise that another sees none would prove nothing.
	seen, err := r.session.CountVisible(ctx, theirs, victim, r.who)
	if err != nil {
		return err
	}
	var wrong []string
	if seen[0] == 0 {
		wrong = append(wrong, "no row of another tenant could be made for the test")
	}
	if seen[1] > 0 {
		wrong = append(wrong, fmt.Sprintf("%s reads %d rows of tenant %s by their id", slug, seen[1], victim.User))
	}
	for _, kind := range kinds {
		count, err := r.session.CountOthers(ctx, kind, r.who, r.others)
		if err != nil {
			return err
		}
		if count > 0 {
			wrong = append(wrong, fmt.Sprintf("%s reads %d rows of others in %s", slug, count, kind.Table))
		}
	}
	r.report("cross-tenant read", wrong, "asking for another tenant's rows directly returns 0 rows")
	return nil
}

// checkRemoved checks that no test row outlived the transaction.
func (r *rowTest) checkRemoved(ctx context.Context) error {
	seen, err := r.session.CountVisible(ctx, r.rows, r.who)
	if err != nil {
		return err
	}
	var wrong []string
	if seen[0] > 0 {
		wrong = append(wrong, fmt.Sprintf("%d test rows are still there", seen[0]))
	}
	r.report("nothing left behind", wrong, "no test row is left")
	return nil
}
