package isolation

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// shape is which settings a connection's sessions leave unset for good: a setting that was set once is empty afterwards and never again unset.
type shape struct{ user, org bool }

// in runs f in a transaction of the session that is always rolled back, on a connection that fits it.
func (r *run) in(ctx context.Context, s session, readOnly bool, f func(*pgx.Conn) error) error {
	key := shape{s.User == nil, s.Org == nil}
	conn := r.conns[key]
	if conn == nil || conn.IsClosed() {
		var err error
		if conn, err = r.door.open(ctx); err != nil {
			return err
		}
		r.conns[key] = conn
	}
	err := within(ctx, conn, r.cfg.Settings, s, readOnly, func() error { return f(conn) })
	if len(s.Extra) > 0 {
		// Other settings stay defined too.
		_ = conn.Close(ctx)
	}
	return err
}

func (r *run) hangUp(ctx context.Context) {
	for _, conn := range r.conns {
		_ = conn.Close(context.WithoutCancel(ctx))
	}
}

// affected runs one statement and returns how many rows it says it touched.
func affected(ctx context.Context, conn *pgx.Conn, sql string) (int, error) {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, result := range results {
		n += int(result.CommandTag.RowsAffected())
	}
	return n, nil
}

// written finds a row of t that this transaction wrote and that is not the session's own.
func (r *run) written(ctx context.Context, conn *pgx.Conn, s session, v victim, t *relation, condition string, by writing) (*proof, error) {
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	sql := fmt.Sprintf("SELECT coalesce(%s, 'somebody'), %s FROM %s a WHERE %s AND %s AND a.xmin = pg_current_xact_id()::xid LIMIT 1",
		r.m.owner(t, "a"), r.m.rowKey(t, "a"), t.SQL(), condition, r.m.foreignWrite(t, "a", w, by))
	var p *proof
	look := func() error {
		var owner, key string
		err := one(ctx, conn, sql, nil, &owner, &key)
		if err == nil {
			p = &proof{Owner: owner, Key: key, Rows: 1}
		} else if err == pgx.ErrNoRows {
			err = nil
		}
		return err
	}
	back, err := r.door.asTruth(ctx, conn, s, look)
	if back || err != nil {
		return p, err
	}
	// Logged in as the app role there is no way back, but the victim can look.
	org := v.Org
	person := v.Person
	if person == "" {
		persons, err := texts(ctx, r.admin, fmt.Sprintf("WITH mem AS (%s) SELECT person::text FROM mem WHERE org::text = %s AND present ORDER BY 1 LIMIT 1", r.m.membersSQL(), literal(org)))
		if err != nil || len(persons) == 0 {
			return nil, err
		}
		person = persons[0]
	}
	if err := exec(ctx, conn, session{User: &person, Org: &org}.enter(r.cfg.Settings)); err != nil {
		return nil, err
	}
	return p, look()
}

// writing is how a row came to be written.
type writing bool

const (
	placed  writing = true  // inserted, or moved
	changed writing = false // where it was
)

// foreignWrite is like foreign from the truth's side, but stricter: whom a membership names may accept or end it, and not make it; a Person that
// shares an Org with others owns none of their accounts.
func (m *model) foreignWrite(r *relation, alias string, w who, by writing) string {
	switch m.of(r).Class {
	case classMembers:
		if by == placed {
			return fmt.Sprintf("(%s IS NOT NULL AND NOT %s)", field(alias, m.memberOrg), m.isOrg(r, alias, m.memberOrg, w))
		}
	case classUsers:
		return "NOT " + m.isUser(r, alias, m.userID, w)
	}
	return m.foreign(r, alias, w, truth)
}
