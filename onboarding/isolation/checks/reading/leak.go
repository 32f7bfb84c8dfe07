package reading

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// readLeaks reports proven reads.
type readLeaks struct {
	model   *tenancy.Model
	names   session.Settings
	rows    *victims.Rows
	victims *victims.Victims
	fixes   *fixes.Writer
	results *results.Collector
}

func newReadLeaks(s *setup.Setup) *readLeaks {
	return &readLeaks{s.Model, s.Config.Settings, s.Rows, s.Victims, s.Fixes, s.Results}
}

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
		Script: leak.session.Script(r.names, r.statement(leak)),
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
	r.victims.NoteRead(leak.session, t, leak.proof.Owner)
	r.results.Add(f)
}

// shownRows is how many foreign rows a proof shows.
const shownRows = 5

// statement reads the row that a leak names, or else rows that seem another's, or their number.
func (r *readLeaks) statement(leak readLeak) string {
	t := leak.table
	may := func(columns ...string) bool { return leak.session.Role != "" || t.CanRead(columns...) }
	var condition string
	switch o := r.model.Of(t); {
	case leak.proof.Where != "":
		condition = leak.proof.Where
	case t.HasRowIDs() && leak.proof.Key != "" && len(t.Key) > 0 && may(t.Key...):
		condition = r.model.RowKey(t, "a") + " = " + query.Literal(leak.proof.Key)
	case (o.Direct() || o.Owned() && !t.IsView()) && may(o.Columns()...):
		identity := r.model.IdentitySQL(leak.session.Identity)
		condition = r.model.Foreign(t, "a", identity, tenancy.Attacker)
	default:
		return fmt.Sprintf("SELECT count(*) FROM %s", t.SQL())
	}
	columns := "*"
	if !t.SelectAll && leak.session.Role == "" {
		var names []string
		for _, c := range t.Columns {
			if c.Select {
				names = append(names, query.Name(c.Name))
			}
		}
		columns = strings.Join(names, ", ")
	}
	return fmt.Sprintf("SELECT %s FROM %s a WHERE %s LIMIT %d", columns, t.SQL(), condition, shownRows)
}
