package checks

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// tryDelete deletes the victim's row, and without looking.
func (r *Run) tryDelete(ctx context.Context, t *catalog.Relation, to target, s session.Session, out *outcome) error {
	if to.place == "" || r.names(t, to, s) {
		return nil
	}
	for _, where := range r.aims(ctx, t, to) {
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			n, err := query.Affected(ctx, conn, fmt.Sprintf("DELETE FROM %s a%s", t.SQL(), where))
			if err != nil {
				return err
			}
			out.tried++
			return r.reached(ctx, conn, t, "delete", "deleted", to, s, n, where == "", out)
		})
		if held(err) {
			out.judge(err)
			err = r.deleteUnheld(ctx, t, to, s, where == "", out)
		}
		if err != nil && !out.judge(err) {
			return err
		}
		if out.proven {
			return nil
		}
	}
	return nil
}

// tryTruncate empties the table: TRUNCATE knows no policies.
func (r *Run) tryTruncate(ctx context.Context, t *catalog.Relation) error {
	if !t.Usage || !t.Truncate || r.Leaks(t.String(), "truncate") || !r.filled[t] {
		return nil
	}
	s := session.Session{Label: "any session"}
	var err error
	for _, cascade := range []string{"", " CASCADE"} {
		r.Coverage.WriteAttempts++
		err = r.in(ctx, s, false, func(conn *pgx.Conn) error {
			return query.Exec(ctx, conn, "TRUNCATE "+t.SQL()+cascade)
		})
		if query.SQLState(err) != "0A000" {
			break
		}
	}
	fix := fmt.Sprintf("REVOKE TRUNCATE ON %s FROM PUBLIC, %s;", t.SQL(), r.appSQL())
	f := results.Finding{Kind: results.Leak, Operation: "truncate", Table: t.String(), As: s.Label, Evidence: "emptied the table of every tenant's rows: TRUNCATE is not subject to policies", Fix: fix}
	switch code := query.SQLState(err); {
	case err == nil:
	case code == "":
		return err
	default:
		f.Kind, f.Evidence = results.Risk, "the app role holds TRUNCATE, which is not subject to policies; the attempt ended with "+query.Describe(err)
	}
	r.Tried(t.String(), "truncate")
	r.Add(f)
	return nil
}
