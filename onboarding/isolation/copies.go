package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// checkCopies reads what seems to be the platform's and looks for rows of tenants in it: copies, caches, logs, materialised views.
func (r *run) checkCopies(ctx context.Context) error {
	prey, err := r.distinctive(ctx)
	if err != nil {
		return err
	}
	for _, t := range r.m.cat.Relations {
		o := r.m.of(t)
		if o.owned() || !t.readable() || t == r.m.users || t == r.m.orgs || r.cfg.Tables[t.String()].Excuse != "" || o.Why == "configured" {
			continue
		}
		seen := map[string]int{}
		for _, s := range slices.Concat(r.anyone, []session{{Label: "nobody, identity set to empty", User: ref(""), Org: ref("")}}) {
			if r.leaks(t.String(), "read") {
				break
			}
			if err := r.limit(ctx, 1); err != nil {
				return err
			}
			rows, err := r.copied(ctx, t, s, prey)
			if err != nil && sqlstate(err) == "" {
				return err
			}
			if err != nil && s.Person != nil {
				r.leaveOut("%s: could not be looked through for copies: %s", t, describe(err))
				break
			}
			seen[s.kind()] += rows
		}
		r.judgeView(ctx, t, seen)
	}
	return nil
}

// copied reports a leak if a session finds another tenant's secrets in a relation, and returns how many rows it saw.
func (r *run) copied(ctx context.Context, t *relation, s session, prey *prey) (int, error) {
	var readable []string
	for _, c := range t.Columns {
		if c.Select {
			readable = append(readable, field("a", c.Name))
		}
	}
	rows := 0
	err := r.in(ctx, s, true, func(conn *pgx.Conn) error {
		documents, err := texts(ctx, conn, fmt.Sprintf("SELECT to_jsonb(x)::text FROM (SELECT %s FROM %s a LIMIT %d) x", strings.Join(readable, ", "), t.SQL(), answerRows))
		rows = len(documents)
		for _, d := range documents {
			if found := prey.find(d, s, nil); found != nil {
				r.find(Finding{Kind: Leak, Operation: "read", Table: t.String(), As: s.Label,
					Evidence: fmt.Sprintf("read a copy of %s %s of %s", found.table, found.key, found.owner), Fix: r.fence(t, "read")})
				break
			}
		}
		return err
	})
	r.try(t.String(), "read")
	return rows, err
}

// judgeView reports views that show everybody what they make of tenants' rows, where nothing tells whose it is.
func (r *run) judgeView(ctx context.Context, t *relation, seen map[string]int) {
	if !t.isView() || t.option("security_invoker") || r.leaks(t.String(), "read") || seen["nobody"] == 0 || r.m.directory[t.OID] {
		return
	}
	for _, base := range r.m.cat.Relations {
		o := r.m.of(base)
		if !o.owned() || r.m.directory[base.OID] || o.Class == classUsers || o.Class == classOrgs || base.isView() || !base.RLS {
			continue
		}
		if strings.Contains(t.Definition, base.Name) {
			r.find(Finding{Kind: Risk, Operation: "read", Table: t.String(), As: "nobody, identity set to empty",
				Evidence: fmt.Sprintf("shows everybody what it makes of %s, with the rights of %s; nothing tells whose rows these are", base, t.Owner), Fix: r.fence(t, "read")})
			return
		}
	}
}
