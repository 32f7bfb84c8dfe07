package checks

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
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
	rows := results.Plural(p.Rows, "row")
	if p.More {
		rows = "at least " + rows
	}
	if p.Key == "" {
		return fmt.Sprintf("%s of %s", rows, p.Owner)
	}
	return fmt.Sprintf("%s of others, such as %s of %s", rows, p.Key, p.Owner)
}

// locator is an expression that both sides compute alike for the same row, or empty if the role cannot.
func locator(r *catalog.Relation, alias string) string {
	if r.SelectAll && r.HasRowIDs() {
		return fmt.Sprintf("%[1]s.tableoid::text || %[1]s.ctid::text", alias)
	}
	if len(r.Key) == 0 {
		return ""
	}
	parts := make([]string, len(r.Key))
	for i, k := range r.Key {
		if c := r.Column(k); c == nil || !c.Select {
			return ""
		}
		parts[i] = query.Column(alias, k) + "::text"
	}
	return strings.Join(parts, " || ' ' || ")
}

// confirm compares, inside a session's transaction, what it sees of a table, where condition holds, with the truth. It returns nil if all of it is the session's own.
func (r *Run) confirm(ctx context.Context, conn *pgx.Conn, s session.Session, t *catalog.Relation, condition string) (*proof, error) {
	switch {
	case t.IsView() && t.Kind != "m" || t.Kind == "f":
		return r.confirmView(ctx, conn, s, t, condition)
	case locator(t, "a") == "":
		return r.confirmCount(ctx, conn, s, t)
	}
	return r.confirmRows(ctx, conn, s, t, condition)
}

// confirmRows walks through the visible rows by cursor and asks the truth whose they are.
func (r *Run) confirmRows(ctx context.Context, conn *pgx.Conn, s session.Session, t *catalog.Relation, condition string) (*proof, error) {
	if err := query.Exec(ctx, conn, fmt.Sprintf("CLOSE ALL; DECLARE seen NO SCROLL CURSOR FOR SELECT %s FROM %s a WHERE %s", locator(t, "a"), t.SQL(), condition)); err != nil {
		return nil, err
	}
	for {
		places, err := query.Strings(ctx, conn, fmt.Sprintf("FETCH %d FROM seen", chunkRows))
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
func (r *Run) whose(ctx context.Context, s session.Session, t *catalog.Relation, places []string) (*proof, error) {
	m, w := r.m, r.m.Identity(s.Person, s.Orgs, s.CoMembers)
	narrow := ""
	if t.SelectAll && t.HasRowIDs() {
		ids := make([]string, len(places))
		for i, place := range places {
			ids[i] = place[strings.IndexByte(place, '('):]
		}
		narrow = fmt.Sprintf("a.ctid = ANY(%s::tid[]) AND ", query.Array(ids))
	}
	sql := fmt.Sprintf("SELECT coalesce(%s, 'somebody'), %s FROM %s a WHERE %s%s = ANY(%s::text[]) AND %s", m.Owner(t, "a"), m.RowKey(t, "a"), t.SQL(), narrow, locator(t, "a"), query.Array(places), m.Foreign(t, "a", w, tenancy.Truth))
	var p *proof
	err := query.Each(ctx, r.admin, sql, nil, func(rows pgx.Rows) error {
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
func (r *Run) confirmCount(ctx context.Context, conn *pgx.Conn, s session.Session, t *catalog.Relation) (*proof, error) {
	var visible int
	if err := query.One(ctx, conn, "SELECT count(*) FROM "+t.SQL(), nil, &visible); err != nil {
		return nil, err
	}
	return r.surplus(ctx, s, t, visible)
}

// surplus proves that who sees more rows than they have sees another's.
func (r *Run) surplus(ctx context.Context, s session.Session, t *catalog.Relation, visible int) (*proof, error) {
	var own int
	w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
	if err := query.One(ctx, r.admin, fmt.Sprintf("SELECT count(*) FROM %s a WHERE NOT coalesce(%s, false)", t.SQL(), r.m.Foreign(t, "a", w, tenancy.Truth)), nil, &own); err != nil {
		return nil, err
	}
	if visible <= own {
		return nil, nil
	}
	return &proof{Owner: "others", Rows: visible - own}, nil
}

// confirmView asks the view itself whose its rows are, and the truth about the rows that it names elsewhere.
func (r *Run) confirmView(ctx context.Context, conn *pgx.Conn, s session.Session, t *catalog.Relation, condition string) (*proof, error) {
	o := r.m.Of(t)
	w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
	if o.Direct() {
		owners, err := query.Strings(ctx, conn, fmt.Sprintf("SELECT coalesce(%s, 'somebody') FROM %s a WHERE %s LIMIT %d", r.m.Owner(t, "a"), t.SQL(), r.m.Foreign(t, "a", w, tenancy.Attacker), chunkRows))
		if err != nil || len(owners) == 0 {
			return nil, err
		}
		return &proof{Owner: owners[0], Rows: len(owners), More: len(owners) == chunkRows}, nil
	}
	for _, p := range o.Parents {
		values, err := query.Strings(ctx, conn, fmt.Sprintf("SELECT DISTINCT %s::text FROM %s a WHERE %s IS NOT NULL AND %s LIMIT %d",
			query.Column("a", p.Columns[0]), t.SQL(), query.Column("a", p.Columns[0]), condition, chunkRows))
		if err != nil {
			return nil, err
		}
		var found *proof
		sql := fmt.Sprintf("SELECT coalesce(%s, 'somebody'), %s FROM %s a WHERE %s::text = ANY(%s::text[]) AND %s", r.m.Owner(p.Table, "a"), r.m.RowKey(p.Table, "a"), p.Table.SQL(),
			query.Column("a", p.TargetCols[0]), query.Array(values), r.m.Foreign(p.Table, "a", w, tenancy.Truth))
		err = query.Each(ctx, r.admin, sql, nil, func(rows pgx.Rows) error {
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
