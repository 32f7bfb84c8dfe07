package checks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// held reports whether a constraint ended a write. Constraints are asked after the policies, and depend on which rows happen to be there: a
// victim who has a row already, or one that others hang on, must not pass for protected.
func held(err error) bool { return strings.HasPrefix(query.SQLState(err), "23") }

// clear deletes the victim's rows with the rights of the truth, inside the attacker's transaction; of a large table, the one row. It reports
// whether they are gone.
func (r *Run) clear(ctx context.Context, conn *pgx.Conn, s session.Session, t *catalog.Relation, to target) (bool, error) {
	condition := to.place
	if r.small(ctx, t) {
		condition = r.m.OwnedBy(t, to.victim)
	}
	return r.prepared(ctx, conn, s, func() error {
		n, err := query.Affected(ctx, conn, fmt.Sprintf("DELETE FROM %s a WHERE %s", t.SQL(), condition))
		if err == nil && n == 0 {
			err = pgx.ErrNoRows
		}
		return err
	})
}

// prepared runs f with the rights of the truth inside an attacker's transaction. It reports false where that is not possible or fails in the
// database, which leaves the transaction as it was.
func (r *Run) prepared(ctx context.Context, conn *pgx.Conn, s session.Session, f func() error) (bool, error) {
	done := false
	_, err := r.inside.AsTruth(ctx, conn, s, func() error {
		if err := query.Exec(ctx, conn, "SAVEPOINT preparing"); err != nil {
			return err
		}
		err := f()
		if err != nil && query.SQLState(err) == "" && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if done = err == nil; !done {
			return query.Exec(ctx, conn, "ROLLBACK TO preparing")
		}
		return nil
	})
	return done, err
}

// deleteUnheld deletes what a foreign key held: a copy of the victim's row that nothing hangs on, or, by a statement without WHERE, rows
// that are there, with the foreign keys not asked.
func (r *Run) deleteUnheld(ctx context.Context, t *catalog.Relation, to target, s session.Session, blind bool, out *outcome) error {
	if blind && (!r.inside.Super || r.inside.App != nil || t.Triggers > 0) {
		return nil
	}
	return r.in(ctx, s, false, func(conn *pgx.Conn) error {
		aim, how, place := "", "deleted, but for the foreign keys that hold them,", ""
		ready, err := r.prepared(ctx, conn, s, func() error {
			if blind {
				return query.Exec(ctx, conn, "SET LOCAL session_replication_role = replica")
			}
			sql, _ := r.insertion(t, to.values, wholly)
			if _, err := query.Affected(ctx, conn, sql); err != nil {
				return err
			}
			w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
			return query.One(ctx, conn, fmt.Sprintf("SELECT 'a.tableoid = ' || a.tableoid::text || ' AND a.ctid = ''' || a.ctid::text || '''' FROM %s a WHERE %s AND %s LIMIT 1",
				t.SQL(), writtenHere, r.m.ForeignWrite(t, "a", w, tenancy.Changed)), nil, &place)
		})
		if err != nil || !ready {
			return err
		}
		if !blind {
			aim, how = " WHERE "+place, "deleted a row like"
		}
		n, err := query.Affected(ctx, conn, fmt.Sprintf("DELETE FROM %s a%s", t.SQL(), aim))
		if err != nil {
			return err
		}
		out.tried++
		return r.reached(ctx, conn, t, "delete", how, to, s, n, blind, out)
	})
}
