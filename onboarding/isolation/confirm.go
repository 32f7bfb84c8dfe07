package isolation

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// chunkRows is how many rows are compared with the truth at a time.
const chunkRows = 500

// proof is a row of another tenant, as the truth knows it.
type proof struct {
	Owner string // "Person ID" or "Org ID"
	Key   string // of the row
	Rows  int    // foreign rows in the chunk that was looked at
	More  bool   // than those
}

func (p proof) String() string {
	rows := plural(p.Rows, "row")
	if p.More {
		rows = "at least " + rows
	}
	if p.Key == "" {
		return fmt.Sprintf("%s of %s", rows, p.Owner)
	}
	return fmt.Sprintf("%s of others, such as %s of %s", rows, p.Key, p.Owner)
}

// certain reports whether an attacker's own look at a table's columns decides whose a row is.
func (m *model) certain(r *relation) bool {
	o := m.of(r)
	return o.Class != classTenant || len(o.Parents) == 0
}

// rowKey is an expression that names a row by its primary key, for people.
func (m *model) rowKey(r *relation, alias string) string {
	if len(r.Key) == 0 {
		if r.hasRowIDs() {
			return fmt.Sprintf("'ctid ' || %s.ctid::text", alias)
		}
		return "''"
	}
	parts := make([]string, len(r.Key))
	for i, k := range r.Key {
		parts[i] = fmt.Sprintf("%s || %s::text", literal(k+" "), field(alias, k))
	}
	return strings.Join(parts, " || ', ' || ")
}

// locator is an expression that both sides compute alike for the same row, or empty if the role cannot.
func locator(r *relation, alias string) string {
	if r.SelectAll && r.hasRowIDs() {
		return fmt.Sprintf("%[1]s.tableoid::text || %[1]s.ctid::text", alias)
	}
	if len(r.Key) == 0 {
		return ""
	}
	parts := make([]string, len(r.Key))
	for i, k := range r.Key {
		if c := r.column(k); c == nil || !c.Select {
			return ""
		}
		parts[i] = field(alias, k) + "::text"
	}
	return strings.Join(parts, " || ' ' || ")
}

// confirm compares, inside a session's transaction, what it sees of a table, where condition holds, with the truth. It returns nil if all of it is the session's own.
func (r *run) confirm(ctx context.Context, conn *pgx.Conn, s session, t *relation, condition string) (*proof, error) {
	switch {
	case t.isView() && t.Kind != "m" || t.Kind == "f":
		return r.confirmView(ctx, conn, s, t, condition)
	case locator(t, "a") == "":
		return r.confirmCount(ctx, conn, s, t)
	}
	return r.confirmRows(ctx, conn, s, t, condition)
}

// confirmRows walks through the visible rows by cursor and asks the truth whose they are.
func (r *run) confirmRows(ctx context.Context, conn *pgx.Conn, s session, t *relation, condition string) (*proof, error) {
	if err := exec(ctx, conn, fmt.Sprintf("CLOSE ALL; DECLARE seen NO SCROLL CURSOR FOR SELECT %s FROM %s a WHERE %s", locator(t, "a"), t.SQL(), condition)); err != nil {
		return nil, err
	}
	for {
		places, err := texts(ctx, conn, fmt.Sprintf("FETCH %d FROM seen", chunkRows))
		if err != nil || len(places) == 0 {
			return nil, err
		}
		p, err := r.whose(ctx, s, t, places)
		if p != nil || err != nil {
			return p, err
		}
	}
}

// whose asks the truth for a foreign row among those at the places that a session saw.
func (r *run) whose(ctx context.Context, s session, t *relation, places []string) (*proof, error) {
	m, w := r.m, r.m.identity(s.Person, s.Orgs, s.Mates)
	narrow := ""
	if t.SelectAll && t.hasRowIDs() {
		ids := make([]string, len(places))
		for i, place := range places {
			ids[i] = place[strings.IndexByte(place, '('):]
		}
		narrow = fmt.Sprintf("a.ctid = ANY(%s::tid[]) AND ", array(ids))
	}
	sql := fmt.Sprintf("SELECT coalesce(%s, 'somebody'), %s FROM %s a WHERE %s%s = ANY(%s::text[]) AND %s", m.owner(t, "a"), m.rowKey(t, "a"), t.SQL(), narrow, locator(t, "a"), array(places), m.foreign(t, "a", w, truth))
	var p *proof
	err := each(ctx, r.admin, sql, nil, func(rows pgx.Rows) error {
		var owner, key string
		if err := rows.Scan(&owner, &key); err != nil {
			return err
		}
		if p == nil {
			p = &proof{Owner: owner, Key: key}
		}
		p.Rows++
		return nil
	})
	if p != nil {
		p.More = len(places) == chunkRows
	}
	return p, err
}

// confirmCount proves by number alone.
func (r *run) confirmCount(ctx context.Context, conn *pgx.Conn, s session, t *relation) (*proof, error) {
	var visible int
	if err := one(ctx, conn, "SELECT count(*) FROM "+t.SQL(), nil, &visible); err != nil {
		return nil, err
	}
	return r.surplus(ctx, s, t, visible)
}

// surplus proves that who sees more rows than they have sees another's.
func (r *run) surplus(ctx context.Context, s session, t *relation, visible int) (*proof, error) {
	var own int
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	if err := one(ctx, r.admin, fmt.Sprintf("SELECT count(*) FROM %s a WHERE NOT coalesce(%s, false)", t.SQL(), r.m.foreign(t, "a", w, truth)), nil, &own); err != nil {
		return nil, err
	}
	if visible <= own {
		return nil, nil
	}
	return &proof{Owner: "others", Rows: visible - own}, nil
}

// confirmView asks the view itself whose its rows are, and the truth about the rows that it names elsewhere.
func (r *run) confirmView(ctx context.Context, conn *pgx.Conn, s session, t *relation, condition string) (*proof, error) {
	o := r.m.of(t)
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	if o.direct() {
		owners, err := texts(ctx, conn, fmt.Sprintf("SELECT coalesce(%s, 'somebody') FROM %s a WHERE %s LIMIT %d", r.m.owner(t, "a"), t.SQL(), r.m.foreign(t, "a", w, attacker), chunkRows))
		if err != nil || len(owners) == 0 {
			return nil, err
		}
		return &proof{Owner: owners[0], Rows: len(owners), More: len(owners) == chunkRows}, nil
	}
	for _, p := range o.Parents {
		values, err := texts(ctx, conn, fmt.Sprintf("SELECT DISTINCT %s::text FROM %s a WHERE %s IS NOT NULL AND %s LIMIT %d",
			field("a", p.Columns[0]), t.SQL(), field("a", p.Columns[0]), condition, chunkRows))
		if err != nil {
			return nil, err
		}
		var found *proof
		sql := fmt.Sprintf("SELECT coalesce(%s, 'somebody'), %s FROM %s a WHERE %s::text = ANY(%s::text[]) AND %s", r.m.owner(p.Table, "a"), r.m.rowKey(p.Table, "a"), p.Table.SQL(),
			field("a", p.TargetCols[0]), array(values), r.m.foreign(p.Table, "a", w, truth))
		err = each(ctx, r.admin, sql, nil, func(rows pgx.Rows) error {
			var owner, key string
			if err := rows.Scan(&owner, &key); err != nil {
				return err
			}
			if found == nil {
				found = &proof{Owner: owner, Key: p.Table.String() + " " + key}
			}
			found.Rows++
			return nil
		})
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// texts reads the first column of all rows, which callers bound.
func texts(ctx context.Context, q querier, sql string) ([]string, error) {
	var values []string
	err := each(ctx, q, sql, nil, func(rows pgx.Rows) error {
		var v *string
		if err := rows.Scan(&v); err != nil {
			return err
		}
		if v != nil {
			values = append(values, *v)
		}
		return nil
	})
	return values, err
}
