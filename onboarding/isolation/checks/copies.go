package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// checkCopies reads what seems to be the platform's and looks for rows of tenants in it: copies, caches, logs, materialised views.
func (r *Run) checkCopies(ctx context.Context) error {
	prey, err := r.distinctive(ctx)
	if err != nil {
		return err
	}
	for _, t := range r.m.Cat.Relations {
		o := r.m.Of(t)
		if o.Owned() || !t.Readable() || t == r.m.Users || t == r.m.Orgs || r.cfg.Tenancy.Tables[t.String()].Excuse != "" || o.Why == "configured" {
			continue
		}
		seen := map[string]int{}
		for _, s := range slices.Concat(r.anyone, []session.Session{{Label: "nobody, identity set to empty", User: query.Ref(""), Org: query.Ref("")}}) {
			if r.Leaks(t.String(), "read") {
				break
			}
			if err := r.limit(ctx, 1); err != nil {
				return err
			}
			rows, err := r.copied(ctx, t, s, prey)
			if err != nil && query.SQLState(err) == "" {
				return err
			}
			if err != nil && s.Person != nil {
				r.LeaveOut("%s: could not be looked through for copies: %s", t, query.Describe(err))
				break
			}
			seen[s.Kind()] += rows
		}
		r.judgeView(ctx, t, seen)
	}
	return nil
}

// copied reports a leak if a session finds another tenant's secrets in a relation, and returns how many rows it saw.
func (r *Run) copied(ctx context.Context, t *catalog.Relation, s session.Session, prey *canaries) (int, error) {
	var readable []string
	for _, c := range t.Columns {
		if c.Select {
			readable = append(readable, query.Column("a", c.Name))
		}
	}
	rows := 0
	err := r.in(ctx, s, true, func(conn *pgx.Conn) error {
		documents, err := query.Strings(ctx, conn, fmt.Sprintf("SELECT to_jsonb(x)::text FROM (SELECT %s FROM %s a LIMIT %d) x", strings.Join(readable, ", "), t.SQL(), answerRows))
		rows = len(documents)
		for _, d := range documents {
			if found := prey.find(d, s, nil); found != nil {
				r.Add(results.Finding{Kind: results.Leak, Operation: "read", Table: t.String(), As: s.Label,
					Evidence: fmt.Sprintf("read a copy of %s %s of %s", found.table, found.key, found.owner), Fix: r.fence(t, "read")})
				break
			}
		}
		return err
	})
	r.Tried(t.String(), "read")
	return rows, err
}

// judgeView reports views that show everybody what they make of tenants' rows, where nothing tells whose it is.
func (r *Run) judgeView(ctx context.Context, t *catalog.Relation, seen map[string]int) {
	if !t.IsView() || t.Option("security_invoker") || r.Leaks(t.String(), "read") || seen["nobody"] == 0 || r.m.Directory[t.OID] {
		return
	}
	for _, base := range r.m.Cat.Relations {
		o := r.m.Of(base)
		if !o.Owned() || r.m.Directory[base.OID] || o.Class == tenancy.ClassUsers || o.Class == tenancy.ClassOrgs || base.IsView() || !base.RLS {
			continue
		}
		if strings.Contains(t.Definition, base.Name) {
			r.Add(results.Finding{Kind: results.Risk, Operation: "read", Table: t.String(), As: "nobody, identity set to empty",
				Evidence: fmt.Sprintf("shows everybody what it makes of %s, with the rights of %s; nothing tells whose rows these are", base, t.Owner), Fix: r.fence(t, "read")})
			return
		}
	}
}
