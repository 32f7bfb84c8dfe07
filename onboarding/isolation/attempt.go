package isolation

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// shape is which settings a connection's sessions leave unset for good: a setting that was set once is empty afterwards and never again unset.
type shape struct{ user, org, extra bool }

func (s session) shape() shape { return shape{s.User == nil, s.Org == nil, len(s.Extra) > 0} }

// in runs f in a transaction of the session that is always rolled back, on a connection that fits it.
func (r *run) in(ctx context.Context, s session, readOnly bool, f func(*pgx.Conn) error) error {
	key := s.shape()
	conn := r.conns[key]
	if conn == nil || conn.IsClosed() {
		var err error
		if conn, err = r.inside.open(ctx); err != nil {
			return err
		}
		r.conns[key] = conn
	}
	err := within(ctx, conn, r.cfg.Settings, s, readOnly, func() error { return f(conn) })
	if r.spoilt[conn] {
		_ = conn.Close(ctx)
		delete(r.spoilt, conn)
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

// writtenHere is a condition on a row (alias a) that this transaction wrote. A function that catches errors writes in transactions below it, whose
// ids are higher; those of others that are as high and whose rows are visible have ended.
const writtenHere = `(a.xmin = pg_current_xact_id()::xid OR a.xmin::text::bigint > pg_current_xact_id()::xid::text::bigint
	AND pg_xact_status(((pg_current_xact_id()::text::bigint >> 32 << 32) + a.xmin::text::bigint)::text::xid8) = 'in progress')`

// written finds a row of t that this transaction wrote and that is not the session's own.
func (r *run) written(ctx context.Context, conn *pgx.Conn, s session, v victim, t *relation, condition string, by writing) (*proof, error) {
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	// A tenant that the transaction made itself is nobody else: only rows of those who were there before count.
	owners := []string{v.String()}
	for _, other := range r.victims {
		owners = append(owners, other.String())
	}
	sql := fmt.Sprintf("SELECT coalesce(%[1]s, 'somebody'), %[2]s FROM %[3]s a WHERE %[4]s AND %[5]s AND %[7]s AND %[1]s = ANY(%[6]s::text[]) LIMIT 1",
		r.m.owner(t, "a"), r.m.rowKey(t, "a"), t.SQL(), condition, r.m.foreignWrite(t, "a", w, by), array(owners), writtenHere)
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
	err := r.look(ctx, conn, s, v, look)
	if sqlstate(err) == noRight && by == placed && r.plainly(t) && condition != "true" {
		return &proof{Owner: v.String(), Rows: 1}, nil // nobody may read it, and nothing could have changed what the statement says
	}
	return p, err
}

// noRight is the SQLSTATE insufficient_privilege.
const noRight = "42501"

// plainly reports whether a row is as the statement that writes it says: the role may set all columns that decide whose it is.
func (r *run) plainly(t *relation) bool {
	return t.Triggers+t.Rules == 0 && !slices.ContainsFunc(r.m.of(t).tenantColumns(), func(name string) bool {
		c := t.column(name)
		return c == nil || !c.Insert || c.Generated
	})
}

// look runs f inside an attacker's transaction with eyes that see the victim's rows: with the rights of the truth, or, where the session logged in as
// the app role and there is no way back, as the victim.
func (r *run) look(ctx context.Context, conn *pgx.Conn, s session, v victim, f func() error) error {
	back, err := r.inside.asTruth(ctx, conn, s, f)
	if back || err != nil {
		return err
	}
	eyes, err := r.eyes(ctx, v)
	if err != nil {
		return err
	}
	r.spoilt[conn] = s.virgin() // what was unset is empty from here on
	if err := exec(ctx, conn, eyes.enter(r.cfg.Settings)); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	unset := session{User: ref(""), Org: ref("")}
	return exec(ctx, conn, unset.enter(r.cfg.Settings)+s.enter(r.cfg.Settings))
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
