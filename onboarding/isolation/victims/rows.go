package victims

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/imagine"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// rowsPerVictim is how many rows of one victim are gone for: a foreign key may hold the first.
const rowsPerVictim = 3

// Values are the values of a row as text, by column. nil is NULL.
type Values map[string]*string

// GiveTo makes a tenant the owner of a row: it sets the columns that hold tenants of that kind or
// of either, and clears those of Orgs for a Person.
func (values Values) GiveTo(v tenancy.Tenant, o *tenancy.Ownership) {
	for _, c := range o.Orgs {
		if values[c] = nil; v.IsOrg() {
			values[c] = &v.ID
		}
	}
	for _, c := range o.Persons {
		if !v.IsOrg() {
			values[c] = &v.ID
		}
	}
	for _, c := range o.Either {
		values[c] = &v.ID
	}
}

// Target is what an attacker goes for: a victim's row, or what one would be.
type Target struct {
	Victim tenancy.Tenant
	// CoOwner is the Person who owns the row beside an Org. nil: it has one owner.
	CoOwner *string
	// Readers and Writers are the Persons with whom the row is shared.
	Readers, Writers []string
	// Place is the condition, on the alias a, that finds the row. Empty: there is no row.
	Place string
	// Key names the row, for people.
	Key string
	// Trait is the value of a column that sets the row apart, or empty.
	Trait string
	// Values are the row's. Where there is no row, they are what a row of the victim's would
	// hold.
	Values Values
}

// ParentKind is what the row says about which table its parent is in.
func (t Target) ParentKind(o *tenancy.Ownership) string {
	for _, p := range o.Parents {
		if value := t.Values[p.Kind]; p.Kind != "" && value != nil {
			return *value
		}
	}
	return ""
}

// Equal reports whether two values are the same.
func Equal(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// PlaceSQL is an expression that renders the condition, on the alias a, that finds a row again.
const PlaceSQL = `'a.tableoid = ' || a.tableoid::text || ' AND a.ctid = ''' || a.ctid::text || ''''`

// Rows reads victims' rows and makes up what is missing.
type Rows struct {
	config  Config
	victims *Victims
	// contents are literals that reports must not repeat, with what stands there instead.
	contents map[string]string
	// constants are columns by table, see compared.
	constants map[*catalog.Relation][]string
	// single are single rows that were read before, by their query. Attempts change nothing for
	// good, and many attackers ask for the same.
	single map[string][]*string
}

// maxSingle bounds how many single rows are kept.
const maxSingle = 5000

// Rows returns the rows of victims.
func (v *Victims) Rows() *Rows {
	rows := &Rows{config: v.config, victims: v, contents: map[string]string{}, single: map[string][]*string{},
		constants: map[*catalog.Relation][]string{}}
	for _, name := range v.names {
		rows.contents[query.Literal(name)] = redacted // it may be an address
	}
	return rows
}

// Targets finds rows of victims of both kinds and, where there is none, makes up what one would
// be.
func (r *Rows) Targets(ctx context.Context, t *catalog.Relation) ([]Target, error) {
	m := r.config.Model
	found, err := r.shared(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, kind := range []tenancy.OwnerKind{tenancy.Person, tenancy.Org} {
		rows, err := r.inScope(ctx, t, fmt.Sprintf("starts_with(%s, '%s ')", m.Owner(t, "a"), kind))
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	for _, p := range m.Of(t).Parents {
		known := func(f Target) bool { return Equal(f.Values[p.Kind], &p.KindValue) }
		if p.Kind == "" || slices.ContainsFunc(found, known) {
			continue
		}
		rows, err := r.inScope(ctx, t, fmt.Sprintf("%s IS NOT NULL AND %s::text = %s",
			m.Owner(t, "a"), query.Column("a", p.Kind), query.Literal(p.KindValue)))
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	apart, err := r.byTraits(ctx, t)
	if err != nil {
		return nil, err
	}
	found = append(found, apart...)
	for _, v := range r.victims.read[t] {
		rows, err := r.inScope(ctx, t, m.OwnedBy(t, v))
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	if len(found) > 0 && m.Of(t).Class != tenancy.ClassTenant {
		return found, nil
	}
	for _, v := range r.victims.list {
		if slices.ContainsFunc(found, func(f Target) bool {
			return f.Victim == v || f.Victim.IsOrg() == v.IsOrg() && !r.victims.apart[v]
		}) {
			continue
		}
		values, err := r.Imagine(ctx, t, v, found)
		if err != nil {
			return nil, err
		}
		if values != nil {
			coOwner, err := r.evaluate(ctx, t, values, tenancy.CoOwner(m, t, "a"))
			if err != nil {
				return nil, err
			}
			found = append(found, Target{Victim: v, CoOwner: coOwner, Values: values})
		}
	}
	return found, nil
}

// shared are rows that Persons may read and not change, by the queries of the configuration.
func (r *Rows) shared(ctx context.Context, t *catalog.Relation) ([]Target, error) {
	if readOnly := tenancy.SharedToRead(r.config.Model, t, "a"); readOnly != "" {
		return r.inScope(ctx, t, readOnly)
	}
	return nil, nil
}

// inScope reads a few rows, of the single tenant if only one is checked.
func (r *Rows) inScope(ctx context.Context, t *catalog.Relation, condition string) ([]Target, error) {
	if r.config.Only != "" {
		condition += " AND " + r.config.Model.Owner(t, "a") + " " + isOwner(r.config.Only)
	}
	return r.Matching(ctx, t, condition, rowsPerVictim)
}

// Matching reads up to limit rows, with all their values. The condition is on the alias a, and
// the rows have owners.
func (r *Rows) Matching(ctx context.Context, t *catalog.Relation, condition string, limit int) ([]Target, error) {
	m := r.config.Model
	rows, err := r.config.Truth.Query(ctx, fmt.Sprintf("SELECT coalesce(%s, ''), %s, %s, %s, %s, %s, %s FROM %s a "+
		"WHERE %s LIMIT %d", m.Owner(t, "a"), cmp.Or(tenancy.CoOwner(m, t, "a"), "NULL::text"),
		cmp.Or(tenancy.Shared(m, tenancy.ToRead).Persons(t, "a"), "NULL::text[]"),
		cmp.Or(tenancy.Shared(m, tenancy.ToWrite).Persons(t, "a"), "NULL::text[]"), PlaceSQL,
		m.RowKey(t, "a"), query.Texts("a", t.ColumnNames()), t.SQL(), condition, limit))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Target, error) {
		var owner string
		var values []*string
		f := Target{Values: Values{}}
		if err := row.Scan(&owner, &f.CoOwner, &f.Readers, &f.Writers, &f.Place, &f.Key, &values); err != nil {
			return f, err
		}
		f.Victim = tenancy.ParseOwner(owner)
		for i, c := range t.Columns {
			f.Values[c.Name] = values[i]
			r.remember(t, c, values[i])
		}
		for _, name := range t.Partitioned {
			// Names the partition, so the planner skips all others.
			if c := t.Column(name); c != nil && c.Select && f.Values[name] != nil {
				f.Place += " AND " + query.Column("a", name) + " = " + c.Literal(f.Values[name])
			}
		}
		return f, nil
	})
}

// Any reads columns of any row for which a condition on the alias a holds. It returns nil if
// there is none.
func (r *Rows) Any(ctx context.Context, t *catalog.Relation, names []string, condition string) ([]*string, error) {
	return r.one(ctx, t, names, t.SQL()+" a WHERE "+condition)
}

// one reads columns of the first row of a FROM clause, in which a is the alias of t. It returns
// nil if there is none.
func (r *Rows) one(ctx context.Context, t *catalog.Relation, names []string, from string) ([]*string, error) {
	sql := fmt.Sprintf("SELECT %s FROM %s LIMIT 1", query.Texts("a", names), from)
	if known, ok := r.single[sql]; ok {
		return slices.Clone(known), nil
	}
	var values []*string
	err := r.config.Truth.QueryRow(ctx, sql).Scan(&values)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	for i, value := range values {
		r.remember(t, t.Column(names[i]), value)
	}
	if len(r.single) < maxSingle {
		r.single[sql] = slices.Clone(values)
	}
	return values, nil
}

// Imagine returns the values of a row that would be the victim's: copied from a row like it, or
// made up. It returns nil where the victim can have none.
func (r *Rows) Imagine(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, like []Target) (Values, error) {
	o := r.config.Model.Of(t)
	values, err := r.start(ctx, t, like)
	if err != nil {
		return nil, err
	}
	if !o.Direct() {
		return r.below(ctx, o, v, values)
	}
	if v.IsOrg() && len(o.Orgs)+len(o.Either) == 0 || !v.IsOrg() && len(o.Persons)+len(o.Either) == 0 {
		return nil, nil
	}
	values.GiveTo(v, o)
	if len(o.Parents) == 0 || v.IsOrg() && len(o.Orgs) > 0 {
		return values, nil
	}
	return r.withParent(ctx, t, v, values)
}

// withParent makes a row that names the victim go with a row of theirs or with none: what has a
// parent is its owner's, whoever else it names. It returns nil where the row needs a parent and
// the victim has none.
func (r *Rows) withParent(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, values Values) (Values, error) {
	o := r.config.Model.Of(t)
	below, err := r.below(ctx, o, v, values)
	if err != nil || below != nil {
		return below, err
	}
	for _, p := range o.Parents {
		for _, name := range p.Columns {
			if c := t.Column(name); c == nil || c.NotNull {
				return nil, nil
			}
			values[name] = nil
		}
	}
	return values, nil
}

// start returns the values of a row like the first of some, or ones that the columns would take.
func (r *Rows) start(ctx context.Context, t *catalog.Relation, like []Target) (Values, error) {
	values := Values{}
	if len(like) > 0 {
		for name, value := range like[0].Values {
			values[name] = value
		}
		return values, nil
	}
	for _, c := range t.Columns {
		values[c.Name] = imagine.Value(c)
	}
	for _, fk := range t.ForeignKeys {
		row, err := r.Any(ctx, r.config.Model.Catalog.Relation(fk.Target), fk.TargetCols, "true")
		if err != nil {
			return nil, err
		}
		for i, c := range fk.Columns {
			if row != nil {
				values[c] = row[i]
			}
		}
	}
	return values, nil
}

// below makes a row go with a row of the victim's. It returns nil if the victim has no such row.
func (r *Rows) below(ctx context.Context, o *tenancy.Ownership, v tenancy.Tenant, values Values) (Values, error) {
	placed := false
	for _, p := range o.Parents {
		row, err := r.Any(ctx, p.Table, p.TargetCols, r.config.Model.OwnedBy(p.Table, v))
		if err != nil {
			return nil, err
		}
		if row == nil || placed && p.Kind != "" {
			continue
		}
		for i, c := range p.Columns {
			values[c], placed = row[i], true
		}
		if p.Kind != "" {
			values[p.Kind] = &p.KindValue
		}
	}
	if !placed {
		return nil, nil
	}
	return values, nil
}
