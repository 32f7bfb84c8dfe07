package checks

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// in runs f in a transaction of the session that is always rolled back, on a connection that fits it.
func (r *Run) in(ctx context.Context, s session.Session, readOnly bool, f func(*pgx.Conn) error) error {
	key := s.Shape()
	conn := r.conns[key]
	if conn == nil || conn.IsClosed() {
		var err error
		if conn, err = r.inside.Open(ctx); err != nil {
			return err
		}
		r.conns[key] = conn
	}
	err := session.Within(ctx, conn, r.cfg.Settings, s, readOnly, func() error { return f(conn) })
	if r.spoilt[conn] {
		_ = conn.Close(ctx)
		delete(r.spoilt, conn)
	}
	return err
}

func (r *Run) HangUp(ctx context.Context) {
	for _, conn := range r.conns {
		_ = conn.Close(context.WithoutCancel(ctx))
	}
}

// writtenHere is a condition on a row (alias a) that this transaction wrote. A function that catches errors writes in transactions below it, whose
// ids are higher; those of others that are as high and whose rows are visible have ended.
const writtenHere = `(a.xmin = pg_current_xact_id()::xid OR a.xmin::text::bigint > pg_current_xact_id()::xid::text::bigint
	AND pg_xact_status(((pg_current_xact_id()::text::bigint >> 32 << 32) + a.xmin::text::bigint)::text::xid8) = 'in progress')`

// written finds a row of t that this transaction wrote and that is not the session's own.
func (r *Run) written(ctx context.Context, conn *pgx.Conn, s session.Session, v tenancy.Tenant, t *catalog.Relation, condition string, by tenancy.Writing) (*proof, error) {
	w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
	// A tenant that the transaction made itself is nobody else: only rows of those who were there before count.
	owners := []string{v.String()}
	for _, other := range r.victims {
		owners = append(owners, other.String())
	}
	sql := fmt.Sprintf("SELECT coalesce(%[1]s, 'somebody'), %[2]s FROM %[3]s a WHERE %[4]s AND %[5]s AND %[7]s AND %[1]s = ANY(%[6]s::text[]) LIMIT 1",
		r.m.Owner(t, "a"), r.m.RowKey(t, "a"), t.SQL(), condition, r.m.ForeignWrite(t, "a", w, by), query.Array(owners), writtenHere)
	var p *proof
	look := func() error {
		var owner, key string
		err := query.One(ctx, conn, sql, nil, &owner, &key)
		if err == nil {
			p = &proof{Owner: owner, Key: key, Rows: 1}
		} else if err == pgx.ErrNoRows {
			err = nil
		}
		return err
	}
	err := r.look(ctx, conn, s, v, look)
	if query.SQLState(err) == query.InsufficientPrivilege && by == tenancy.Placed && r.plainly(t) && condition != "true" {
		return &proof{Owner: v.String(), Rows: 1}, nil // nobody may read it, and nothing could have changed what the statement says
	}
	return p, err
}

// plainly reports whether a row is as the statement that writes it says: the role may set all columns that decide whose it is.
func (r *Run) plainly(t *catalog.Relation) bool {
	return t.Triggers+t.Rules == 0 && !slices.ContainsFunc(r.m.Of(t).TenantColumns(), func(name string) bool {
		c := t.Column(name)
		return c == nil || !c.Insert || c.Generated
	})
}

// look runs f inside an attacker's transaction with eyes that see the victim's rows: with the rights of the truth, or, where the session logged in as
// the app role and there is no way back, as the victim.
func (r *Run) look(ctx context.Context, conn *pgx.Conn, s session.Session, v tenancy.Tenant, f func() error) error {
	back, err := r.inside.AsTruth(ctx, conn, s, f)
	if back || err != nil {
		return err
	}
	eyes, err := r.eyes(ctx, v)
	if err != nil {
		return err
	}
	r.spoilt[conn] = s.NeedsFreshConnection() // what was unset is empty from here on
	if err := query.Exec(ctx, conn, eyes.Enter(r.cfg.Settings)); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	unset := session.Session{User: query.Ref(""), Org: query.Ref("")}
	return query.Exec(ctx, conn, unset.Enter(r.cfg.Settings)+s.Enter(r.cfg.Settings))
}
