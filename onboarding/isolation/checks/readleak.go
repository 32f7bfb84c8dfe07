package checks

import (
	"context"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// readLeaks reports proven reads.
type readLeaks struct {
	model   *tenancy.Model
	victims *victims.Victims
	fixes   *fixes.Writer
	results *results.Collector
}

func newReadLeaks(s *Setup) *readLeaks { return &readLeaks{s.model, s.victims, s.fixes, s.results} }

// readLeak is a session that read another's row.
type readLeak struct {
	session session.Session
	table   *catalog.Relation
	proof   *proof.Proof
	// more is what the evidence adds, or empty.
	more string
}

func (r *readLeaks) report(ctx context.Context, leak readLeak) {
	t := leak.table
	f := results.Finding{
		Kind: results.Leak, Operation: results.Read, Table: t.String(), As: leak.session.Label,
		Evidence: "read " + leak.proof.String() + leak.more, Fix: r.fixes.For(ctx, leak.session, t, results.Read),
	}
	if r.model.IsTenants(t) && !t.RLS {
		if r.model.UnprotectedTenants {
			// A platform that protects neither table of tenants keeps a directory of them on
			// purpose.
			r.model.MarkDirectory(t)
			r.results.Note("%s: every session reads every row (%s): users and orgs are both without row-level "+
				"security, "+
				"and count as the platform's directory", t, strings.Join(tenancy.PrivateColumns(t), ", "))
			return
		}
		f.Kind = results.Risk
		f.Evidence += "; the other table of tenants has row-level security, and this one has none: grant only the " +
			"columns that are public"
	}
	r.victims.NoteOpened(leak.session)
	r.results.Add(f)
}
