package isolation

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// tryDelete deletes the victim's row, and without looking.
func (r *run) tryDelete(ctx context.Context, t *relation, to target, s session, out *outcome) error {
	if to.place == "" || r.names(t, to, s) {
		return nil
	}
	for _, where := range r.aims(ctx, t, to) {
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			n, err := affected(ctx, conn, fmt.Sprintf("DELETE FROM %s a%s", t.SQL(), where))
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
func (r *run) tryTruncate(ctx context.Context, t *relation) error {
	if !t.Usage || !t.Truncate || r.leaks(t.String(), "truncate") || !r.filled[t] {
		return nil
	}
	s := session{Label: "any session"}
	var err error
	for _, cascade := range []string{"", " CASCADE"} {
		r.coverage.WriteAttempts++
		err = r.in(ctx, s, false, func(conn *pgx.Conn) error {
			return exec(ctx, conn, "TRUNCATE "+t.SQL()+cascade)
		})
		if sqlstate(err) != "0A000" {
			break
		}
	}
	fix := fmt.Sprintf("REVOKE TRUNCATE ON %s FROM PUBLIC, %s;", t.SQL(), r.appSQL())
	f := Finding{Kind: Leak, Operation: "truncate", Table: t.String(), As: s.Label, Evidence: "emptied the table of every tenant's rows: TRUNCATE is not subject to policies", Fix: fix}
	switch code := sqlstate(err); {
	case err == nil:
	case code == "":
		return err
	default:
		f.Kind, f.Evidence = Risk, "the app role holds TRUNCATE, which is not subject to policies; the attempt ended with "+describe(err)
	}
	r.try(t.String(), "truncate")
	r.find(f)
	return nil
}
