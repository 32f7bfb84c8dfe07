package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// chunkRows is how many rows are compared with the truth at a time.
const chunkRows = 500

// Proof is a row of another tenant, as the truth knows it.
type Proof struct {
	Owner string // a tenant, or "others" where none can be told
	Key   string // of the row, or empty
	Rows  int    // foreign rows among those that were compared
	More  bool   // there may be more than those
	// Where is a condition, on the alias a, for a row of a view that shows it. Empty: any that
	// seems foreign.
	Where string
}

// Others is a proof by number alone.
func Others(rows int, more bool) *Proof { return &Proof{Owner: "others", Rows: rows, More: more} }

// String describes the rows.
func (p Proof) String() string {
	rows := results.Plural(p.Rows, "row")
	if p.More {
		rows = "at least " + rows
	}
	if p.Key == "" {
		return fmt.Sprintf("%s of %s", rows, p.Owner)
	}
	return fmt.Sprintf("%s of others, such as %s of %s", rows, p.Key, p.Owner)
}

// Prover asks the truth.
type Prover struct {
	Model    *tenancy.Model
	Truth    query.Querier
	Attempts *session.Attempts
	Victims  *victims.Victims
	// Own are the attempts of victims, who look while an attacker's is under way.
	Own *session.Attempts

	owned map[VictimRows]ownedRows
	views map[victimView]viewedRows
}

// Confirm compares what a session sees of a relation, where a condition on the alias a holds,
// with the truth. It returns nil if all of it is the session's own.
func (p *Prover) Confirm(
	ctx context.Context, s session.Session, t *catalog.Relation, condition string,
) (*Proof, error) {
	var found *Proof
	err := p.Attempts.Read(ctx, s, func(tx *session.Tx) error {
		var err error
		switch {
		case t.Kind == catalog.View, t.Kind == catalog.ForeignTable:
			found, err = p.view(ctx, tx, t, condition)
		case Locator(t) == "":
			found, err = p.count(ctx, tx, t)
		default:
			found, err = p.rows(ctx, tx, t, condition)
		}
		return err
	})
	return found, err
}

// Locator is an expression on the alias a that both sides compute alike for the same row, or empty
// if the role cannot.
func Locator(r *catalog.Relation) string {
	if r.SelectAll && r.HasRowIDs() {
		return "a.tableoid::text || a.ctid::text"
	}
	if len(r.Key) == 0 || !r.CanRead(r.Key...) {
		return ""
	}
	parts := make([]string, len(r.Key))
	for i, k := range r.Key {
		parts[i] = query.Column("a", k) + "::text"
	}
	return strings.Join(parts, " || ' ' || ")
}

// rows goes through the visible rows by cursor and asks the truth whose they are.
func (p *Prover) rows(ctx context.Context, tx *session.Tx, t *catalog.Relation, condition string) (*Proof, error) {
	err := tx.Exec(ctx, fmt.Sprintf("CLOSE ALL; DECLARE seen NO SCROLL CURSOR FOR SELECT %s FROM %s a WHERE %s",
		Locator(t), t.SQL(), condition))
	if err != nil {
		return nil, err
	}
	for {
		places, err := tx.Strings(ctx, fmt.Sprintf("FETCH %d FROM seen", chunkRows))
		if err != nil || len(places) == 0 {
			return nil, err
		}
		found, err := p.ForeignAmong(ctx, tx.Session.Identity, t, places)
		if found != nil || err != nil {
			return found, err
		}
	}
}

// ForeignAmong asks the truth for a foreign row among those at the places that a session saw.
func (p *Prover) ForeignAmong(
	ctx context.Context, i tenancy.Identity, t *catalog.Relation, places []string,
) (*Proof, error) {
	narrow := ""
	if t.SelectAll && t.HasRowIDs() {
		ids := make([]string, len(places))
		for i, place := range places {
			ids[i] = place[strings.IndexByte(place, '('):]
		}
		narrow = fmt.Sprintf("a.ctid = ANY(%s::tid[]) AND ", query.Array(ids))
	}
	found, err := p.foreign(ctx, i, t, fmt.Sprintf("%s%s = ANY(%s::text[])", narrow, Locator(t), query.Array(places)))
	if found != nil {
		found.More = len(places) == chunkRows
	}
	return found, err
}

// foreign makes a proof of the foreign rows of a table for which a condition, on the alias a,
// holds. It returns nil if there are none.
func (p *Prover) foreign(
	ctx context.Context, i tenancy.Identity, t *catalog.Relation, condition string,
) (*Proof, error) {
	m := p.Model
	sql := fmt.Sprintf("SELECT coalesce(%s, 'somebody'), %s FROM %s a WHERE %s AND %s", m.Owner(t, "a"),
		m.RowKey(t, "a"), t.SQL(), condition, m.Foreign(t, "a", m.IdentitySQL(i), tenancy.Truth))
	rows, err := p.Truth.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	var found *Proof
	var owner, key string
	_, err = pgx.ForEachRow(rows, []any{&owner, &key}, func() error {
		if found == nil {
			found = &Proof{Owner: owner, Key: key}
		}
		found.Rows++
		return nil
	})
	return found, err
}

// count proves by number alone.
func (p *Prover) count(ctx context.Context, tx *session.Tx, t *catalog.Relation) (*Proof, error) {
	var visible int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+t.SQL()).Scan(&visible); err != nil {
		return nil, err
	}
	return p.surplus(ctx, tx.Session.Identity, t, visible)
}

// surplus proves that who sees more rows than they own sees another's.
func (p *Prover) surplus(ctx context.Context, i tenancy.Identity, t *catalog.Relation, visible int) (*Proof, error) {
	m := p.Model
	own, err := p.CountOwn(ctx, t, m.Foreign(t, "a", m.IdentitySQL(i), tenancy.Truth))
	if err != nil || visible <= own {
		return nil, err
	}
	return Others(visible-own, false), nil
}

// CountOwn counts the rows for which a condition, on the alias a, for foreign rows does not
// hold.
func (p *Prover) CountOwn(ctx context.Context, t *catalog.Relation, foreign string) (int, error) {
	var own int
	err := p.Truth.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s a WHERE NOT coalesce(%s, false)", t.SQL(),
		foreign)).Scan(&own)
	return own, err
}

// SeesWritten reports whether a session sees a row that its transaction wrote in a table.
func (p *Prover) SeesWritten(ctx context.Context, tx *session.Tx, t *catalog.Relation) (sees bool, err error) {
	err = tx.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s)", t.SQL(), writtenHere)).Scan(&sees)
	return sees, err
}

// ReadWritten returns what a session sees in columns of a row that its transaction wrote, or nil
// where it sees none.
func (p *Prover) ReadWritten(
	ctx context.Context, tx *session.Tx, w Write, names []string,
) (victims.Values, error) {
	var found []*string
	err := tx.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM %s a WHERE %s AND %s LIMIT 1", query.Texts("a", names),
		w.Table.SQL(), w.condition(), writtenHere)).Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	values := victims.Values{}
	for i, name := range names {
		values[name] = found[i]
	}
	return values, nil
}

// writtenHere is the condition on a row, alias a, that this transaction wrote. A function that
// catches errors writes in subtransactions, whose ids are higher; transactions of others that
// are as high and whose rows are visible have ended.
const writtenHere = `(a.xmin = pg_current_xact_id()::xid
	OR a.xmin::text::bigint > pg_current_xact_id()::xid::text::bigint
	AND pg_xact_status(((pg_current_xact_id()::text::bigint >> 32 << 32) + a.xmin::text::bigint)::text::xid8)
	    = 'in progress')`

// Write is what an attacker's transaction may have written.
type Write struct {
	Victim tenancy.Tenant
	Table  *catalog.Relation
	// Condition, on the alias a, narrows the rows down. Empty: any row.
	Condition string
	By        tenancy.Writing
	// Stated says that the row is as the statement that wrote it says, so its success is proof.
	Stated bool
}

func (w Write) condition() string { return cmp.Or(w.Condition, "true") }

// Written finds a row that the transaction wrote and that is not the session's own. It returns
// nil if there is none.
func (p *Prover) Written(ctx context.Context, tx *session.Tx, w Write) (*Proof, error) {
	var invited []string
	var err error
	if w.By == tenancy.Placed && p.Model.IsMembership(w.Table) {
		if invited, err = invitedTo(ctx, p, tx.Session); err != nil {
			return nil, err
		}
	}
	if w.Stated && len(invited) == 0 {
		return &Proof{Owner: w.Victim.String(), Rows: 1}, nil
	}
	// A tenant that the transaction itself created is nobody else: only rows of tenants that
	// existed before count.
	m, t := p.Model, w.Table
	foreign := fmt.Sprintf("%s AND %s = ANY(%s::text[])",
		m.ForeignWrite(t, "a", m.IdentitySQL(tx.Session.Identity), w.By), m.Owner(t, "a"), p.owners(w.Victim))
	if len(invited) > 0 {
		foreign += fmt.Sprintf(" AND NOT (%s AND %s = ANY(%s::text[]))",
			m.IsPerson(t, "a", m.Membership.Person, m.IdentitySQL(tx.Session.Identity)),
			query.Column("a", m.Membership.Org)+"::text", query.Array(invited))
	}
	if m.Derived(t) || tenancy.Shared(m, tenancy.ToWrite).Persons(t, "a") != "" {
		return p.writtenDerived(ctx, tx, w, foreign)
	}
	sql := fmt.Sprintf("SELECT coalesce(%s, 'somebody'), %s FROM %s a WHERE %s AND %s AND %s LIMIT 1",
		m.Owner(t, "a"), m.RowKey(t, "a"), t.SQL(), w.condition(), writtenHere, foreign)
	var found *Proof
	find := func() error {
		row := &Proof{Rows: 1}
		err := tx.QueryRow(ctx, sql).Scan(&row.Owner, &row.Key)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			found = row
		}
		return err
	}
	err = p.Victims.Observe(ctx, tx, w.Victim, find)
	if err == nil && found == nil && m.IsMembership(t) && t.Readable() {
		// Whoever made themselves a member may be the only one who sees that membership.
		err = find()
	}
	return found, err
}
