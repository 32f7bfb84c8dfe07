package tenancy

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// sampleSize is how many values of a column are compared with the keys of tenants and of their
// rows.
const sampleSize = 200

var uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// IsUUID reports whether a value is the text of a uuid.
func IsUUID(value string) bool { return uuidText.MatchString(value) }

// IsRandom reports whether a value, such as a uuid, is too varied to have been written by hand.
func IsRandom(value string) bool {
	const varied = 9 // of a uuid's hyphen and sixteen digits
	seen := map[rune]bool{}
	for _, r := range value {
		seen[r] = true
	}
	return len(seen) >= varied
}

// reference is a column whose values a copy or a view may repeat.
type reference struct {
	table  *catalog.Relation
	column *catalog.Column
}

// followValues finds the owners of relations whose columns and foreign keys say nothing, such as
// copies and views: by values that are keys of tenants or of their rows, and by the columns that
// a view takes from its tables.
func (d *discovery) followValues(ctx context.Context, q query.Querier) error {
	f := &valueFollower{d: d, q: q, references: d.references(), sampler: &sampler{
		d: d, truth: q, session: d.session, known: map[*catalog.Relation]map[string][]string{},
	}}
	for _, r := range d.m.Catalog.Relations {
		parent := d.m.Catalog.Relation(r.Parent)
		inherits := parent != nil && (r.Partition || d.m.own[parent.OID] != nil)
		again := d.misnamed(r)
		f.followAsked(ctx, r)
		if d.m.own[r.OID] != nil && again == nil || !r.Reachable() || inherits {
			continue
		}
		o := f.classify(ctx, r)
		if again != nil {
			o.Persons, o.Orgs, o.Parents = nil, nil, slices.DeleteFunc(o.Parents, again)
		}
		if o.Direct() || len(o.Parents) > 0 {
			d.m.own[r.OID] = o
		}
	}
	return ctx.Err()
}

// references are the keys of tenants and of tenants' rows, and the names by which tenants are
// known.
func (d *discovery) references() []reference {
	var found []reference
	add := func(r *catalog.Relation, name string) {
		if c := r.Column(name); c != nil {
			found = append(found, reference{r, c})
		}
	}
	for _, tenants := range []*catalog.Relation{d.m.Users.Table, d.m.Orgs.Table} {
		if tenants == nil {
			continue
		}
		for _, key := range tenants.Unique {
			if len(key) == 1 {
				add(tenants, key[0])
			}
		}
	}
	for _, r := range d.m.Catalog.Relations {
		o := d.m.own[r.OID]
		if o == nil || o.Class != ClassTenant || r.Partition {
			continue
		}
		if len(r.Key) == 1 && !o.linked(r.Key) {
			add(r, r.Key[0])
		} else if len(r.Key) == 0 && r.IsTable() {
			add(r, "id")
		}
	}
	return found
}

// valueFollower classifies relations by their values.
type valueFollower struct {
	d          *discovery
	q          query.Querier
	references []reference
	sampler    *sampler
}

// classify returns the owners of a relation as far as its values show them.
func (f *valueFollower) classify(ctx context.Context, r *catalog.Relation) *Ownership {
	o := &Ownership{Class: ClassTenant}
	kinds := f.kindLinks(ctx, r)
	for _, c := range r.Columns {
		for _, p := range kinds[c.Name] {
			o.Parents = append(o.Parents, p)
			o.explain("%s → %s where %s is %s", c.Name, p.Table, p.Kind, p.KindValue)
		}
		if len(kinds[c.Name]) > 0 || r.InForeignKey(c.Name) {
			continue
		}
		for _, target := range f.leads(ctx, r, c) {
			key := target.column.Name
			named := !r.IsView() && !slices.Contains(r.Key, c.Name)
			switch {
			case named && target.table == f.d.m.Users.Table && key == f.d.m.Users.ID:
				o.Persons = append(o.Persons, c.Name)
			case named && target.table == f.d.m.Orgs.Table && key == f.d.m.Orgs.ID:
				o.Orgs = append(o.Orgs, c.Name)
			default:
				o.Parents = append(o.Parents, ParentLink{
					Columns: []string{c.Name}, Table: target.table, TargetCols: []string{key},
					Cast: c.Type != target.column.Type,
				})
			}
			o.explain("%s holds values of %s.%s", c.Name, target.table, key)
		}
	}
	return o
}

// leads returns the references to which a column's values lead, or the view that it stands in.
func (f *valueFollower) leads(ctx context.Context, r *catalog.Relation, c *catalog.Column) []reference {
	values := f.sample(ctx, r, c)
	if len(r.Key) == 1 && r.Key[0] == c.Name && !slices.ContainsFunc(values, IsRandom) {
		values = nil // rows that people number by hand share ids by chance
	}
	allUUIDs := len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return !IsUUID(v) })
	var found []reference
	for _, t := range f.references {
		if t.table == r {
			continue
		}
		switch {
		case t.column.Type == "uuid" && allUUIDs:
			// Two tables do not share a random id by chance.
			if f.matching(ctx, t, values) > 0 {
				found = append(found, t)
			}
		case t.column.Category == catalog.String && c.Category == catalog.String && len(values) > 0 &&
			(f.d.m.IsTenants(t.table) || c.Name == t.column.Name):
			if f.matching(ctx, t, values) == len(values) {
				found = append(found, t)
			}
		case t.column.Type == c.Type && t.column.Category == catalog.Numeric && catalog.RefersTo(c.Name, t.table.Name):
			found = append(found, t)
		}
	}
	if len(found) == 0 && r.IsView() {
		found = f.passedThrough(r, c)
	}
	return found
}

// passedThrough returns the key that a view's column takes from one of its tables. It returns
// nothing if several tables could have given it.
func (f *valueFollower) passedThrough(r *catalog.Relation, c *catalog.Column) []reference {
	var found []reference
	bases := r.Bases()
	for _, t := range f.references {
		if slices.Contains(bases, t.table.OID) && t.column.Name == c.Name && t.column.Type == c.Type &&
			t.table.Key != nil && t.table.Key[0] == c.Name {
			found = append(found, t)
		}
	}
	if len(found) > 1 {
		return nil
	}
	return found
}

// sample returns distinct values of a column. A relation that cannot be read has none.
func (f *valueFollower) sample(ctx context.Context, r *catalog.Relation, c *catalog.Column) []string {
	if c.Type != "uuid" && c.Category != catalog.String {
		return nil
	}
	return f.sampler.of(ctx, r)[c.Name]
}

// matching counts the rows of a reference's table that hold one of the values.
func (f *valueFollower) matching(ctx context.Context, t reference, values []string) int {
	var count int
	err := f.q.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = ANY(%s::%s[])",
		t.table.SQL(), query.Name(t.column.Name), query.Array(values), t.column.Type)).Scan(&count)
	if err != nil {
		return 0
	}
	return count
}
