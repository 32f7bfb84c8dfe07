package runbook

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// trial is one tenant's test rows in one context, inside a session that is rolled back.
type trial struct {
	*tenant
	kinds     []platform.RowKind
	who       platform.Identity
	strangers []string
	session   *platform.Session
	rows      []platform.Row
	findings  []onboarding.Finding
}

// verifyIsolation inserts a test row of every kind as the application, with the tenant's identity, and looks who sees it. All
// happens in one transaction, because nobody else could see what it has not committed; others are tried by taking on their
// identities in it. Afterwards nothing is left.
func (b *Runbook) verifyIsolation(ctx context.Context, t *tenant, who platform.Identity) []onboarding.Finding {
	strangers, err := b.db.Strangers(ctx, t.ID, who.Org, b.config.Others)
	trial := &trial{tenant: t, kinds: b.db.Rows(), who: who, strangers: strangers}
	if err == nil {
		err = b.db.Try(ctx, func(session *platform.Session) error {
			trial.session = session
			for _, try := range []func(context.Context) error{trial.insert, trial.hidden, trial.direct} {
				if err := try(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil {
		err = b.db.Try(ctx, func(session *platform.Session) error {
			trial.session = session
			return trial.gone(ctx)
		})
	}
	if err != nil {
		trial.findings = append(trial.findings, bad("tenant isolation "+t.says(who), "Check platform.rows and platform.settings.", "%s", platform.Explain(err)))
	}
	return trial.findings
}

// add says how one check went.
func (t *trial) add(name string, wrong []string, fine string) {
	finding := good(name+", "+t.says(t.who), "%s", fine)
	if len(wrong) > 0 {
		finding = bad(finding.Name, "Do not let this Provider in before it is understood.", "%s", strings.Join(wrong, "; "))
	}
	t.findings = append(t.findings, finding)
}

// insert adds the test rows and checks whose they became.
func (t *trial) insert(ctx context.Context) error {
	if err := t.session.As(ctx, t.who); err != nil {
		return err
	}
	for _, kind := range t.kinds {
		row, err := t.session.Insert(ctx, kind, t.who)
		var wrong []string
		switch {
		case err != nil:
			wrong = append(wrong, "it is refused: "+platform.Explain(err))
		case row.User != t.who.User || row.Org != t.who.Org:
			wrong = append(wrong, fmt.Sprintf("it landed with user %s and Org %q", row.User, row.Org))
		default:
			t.rows = append(t.rows, row)
		}
		fine := "lands with the right " + kind.User
		if t.who.Org != "" {
			fine += " and " + kind.Org
		}
		t.add("test "+kind.Name, wrong, fine)
	}
	return nil
}

// hidden looks at the test rows as everybody else, and as nobody; who acts in an Org chooses it freely, so that is tried too.
func (t *trial) hidden(ctx context.Context) error {
	identities := []platform.Identity{t.who, {}}
	if t.who.Org != "" {
		identities = append(identities, platform.Identity{Org: t.who.Org})
	}
	for _, stranger := range t.strangers {
		identities = append(identities, platform.Identity{User: stranger})
		if t.org != nil {
			identities = append(identities, platform.Identity{User: stranger, Org: t.org.ID})
		}
	}
	seen, err := t.session.Sees(ctx, t.rows, identities...)
	if err != nil {
		return err
	}
	var wrong []string
	if seen[0] != len(t.rows) {
		wrong = append(wrong, fmt.Sprintf("%s sees %d of their own %d test rows", t.Slug, seen[0], len(t.rows)))
	}
	for i, identity := range identities[1:] {
		if seen[i+1] == 0 {
			continue
		}
		other := "tenant " + identity.User
		if identity.User == "" {
			other = "a session without identity"
		}
		wrong = append(wrong, fmt.Sprintf("%s sees %d of %d test rows", other, seen[i+1], len(t.rows)))
	}
	t.add("invisible to others", wrong[:min(len(wrong), 5)], fmt.Sprintf("%d other tenants and sessions without identity see none of %d rows", len(t.strangers), len(t.rows)))
	return nil
}

// direct is the intentional bad query: it asks for rows of another tenant by their id and by whose they are.
func (t *trial) direct(ctx context.Context) error {
	if len(t.strangers) == 0 {
		t.findings = append(t.findings, onboarding.Finding{Level: onboarding.Warning, Name: "cross-tenant read, " + t.says(t.who), Detail: "there is no other tenant to read from"})
		return nil
	}
	victim := platform.Identity{User: t.strangers[0]}
	if err := t.session.As(ctx, victim); err != nil {
		return err
	}
	var theirs []platform.Row
	for _, kind := range t.kinds {
		if row, err := t.session.Insert(ctx, kind, victim); err == nil {
			theirs = append(theirs, row)
		}
	}
	// As the victim first, so that zero rows for another prove something.
	seen, err := t.session.Sees(ctx, theirs, victim, t.who)
	if err != nil {
		return err
	}
	var wrong []string
	if seen[0] == 0 {
		wrong = append(wrong, "no row of another tenant could be made to try it with")
	}
	if seen[1] > 0 {
		wrong = append(wrong, fmt.Sprintf("%s reads %d rows of tenant %s by their id", t.Slug, seen[1], victim.User))
	}
	for _, kind := range t.kinds {
		count, err := t.session.Foreign(ctx, kind, t.who, t.strangers)
		if err != nil {
			return err
		}
		if count > 0 {
			wrong = append(wrong, fmt.Sprintf("%s reads %d rows of others in %s", t.Slug, count, kind.Table))
		}
	}
	t.add("cross-tenant read", wrong, "asking for another tenant's rows directly returns 0 rows")
	return nil
}

// gone looks that no test row outlived the transaction.
func (t *trial) gone(ctx context.Context) error {
	seen, err := t.session.Sees(ctx, t.rows, t.who)
	if err != nil {
		return err
	}
	var wrong []string
	if seen[0] > 0 {
		wrong = append(wrong, fmt.Sprintf("%d test rows are still there", seen[0]))
	}
	t.add("nothing left behind", wrong, "no test row is left")
	return nil
}
