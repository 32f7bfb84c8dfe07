package tenancy

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// lineageSample is how many values of a column are compared with the keys of tenants and their rows.
const lineageSample = 200

const viewBasesSQL = `
SELECT DISTINCT r.ev_class, d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
 WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class`

var UuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// reference is a column whose values a copy or a view may repeat.
type reference struct {
	table  *catalog.Relation
	column *catalog.Column
}

// followData finds the owners of relations whose columns and keys say nothing, such as copies and views: by values that are the
// keys of tenants or of their rows, and by the columns that a view passes through from its tables.
func (m *Model) followData(ctx context.Context, q query.Querier) error {
	bases, err := m.viewBases(ctx, q)
	if err != nil {
		return err
	}
	targets := m.references()
	for _, r := range m.Cat.Relations {
		parent := m.Cat.ByOID[r.Parent]
		if m.own[r.OID] != nil || !r.Reachable() || parent != nil && (r.Partition || m.own[parent.OID] != nil) {
			continue
		}
		o := &Ownership{Class: ClassTenant}
		kinds := m.kinds(ctx, q, r)
		for _, c := range r.Columns {
			for _, p := range kinds[c.Name] {
				o.Parents = append(o.Parents, p)
				o.Why = strings.Trim(fmt.Sprintf("%s, %s → %s where %s is %s", o.Why, c.Name, p.Table, p.Kind, p.KindValue), ", ")
			}
			if len(kinds[c.Name]) > 0 {
				continue
			}
			if slices.ContainsFunc(r.ForeignKeys, func(fk catalog.ForeignKey) bool { return slices.Contains(fk.Columns, c.Name) }) {
				continue
			}
			for _, target := range m.leads(ctx, q, r, c, targets, bases[r.OID]) {
				switch key := target.column.Name; {
				case !r.IsView() && target.table == m.Users && key == m.UserID && !slices.Contains(r.Key, c.Name):
					o.User = append(o.User, c.Name)
				case !r.IsView() && target.table == m.Orgs && key == m.OrgID && !slices.Contains(r.Key, c.Name):
					o.Org = append(o.Org, c.Name)
				default:
					o.Parents = append(o.Parents, parentLink{Columns: []string{c.Name}, Table: target.table, TargetCols: []string{key}, Cast: c.Type != target.column.Type})
				}
				o.Why = strings.Trim(fmt.Sprintf("%s, %s holds values of %s.%s", o.Why, c.Name, target.table, target.column.Name), ", ")
			}
		}
		if o.Direct() || len(o.Parents) > 0 {
			m.own[r.OID] = o
		}
	}
	return ctx.Err()
}

func (m *Model) viewBases(ctx context.Context, q query.Querier) (map[uint32][]uint32, error) {
	bases := map[uint32][]uint32{}
	err := query.Each(ctx, q, viewBasesSQL, nil, func(rows pgx.Rows) error {
		var view, base uint32
		if err := rows.Scan(&view, &base); err != nil {
			return err
		}
		bases[view] = append(bases[view], base)
		return nil
	})
	return bases, err
}

// references are the keys of tenants and of tenants' rows, and the names by which tenants are known.
func (m *Model) references() []reference {
	var targets []reference
	add := func(r *catalog.Relation, name string) {
		if c := r.Column(name); c != nil {
			targets = append(targets, reference{r, c})
		}
	}
	for _, tenants := range []*catalog.Relation{m.Users, m.Orgs} {
		if tenants == nil {
			continue
		}
		for _, key := range tenants.Unique {
			if len(key) == 1 {
				add(tenants, key[0])
			}
		}
	}
	for _, r := range m.Cat.Relations {
		if o := m.own[r.OID]; o != nil && o.Class == ClassTenant && len(r.Key) == 1 && !r.Partition && !o.linked(r.Key) {
			add(r, r.Key[0])
		} else if o != nil && o.Class == ClassTenant && len(r.Key) == 0 && !r.Partition && !r.IsView() {
			add(r, "id")
		}
	}
	return targets
}

// leads returns the references that a column's values, or the view that it stands in, lead to.
func (m *Model) leads(ctx context.Context, q query.Querier, r *catalog.Relation, c *catalog.Column, targets []reference, bases []uint32) []reference {
	var found []reference
	values := sample(ctx, q, r, c)
	if len(r.Key) == 1 && r.Key[0] == c.Name && !slices.ContainsFunc(values, Random) {
		values = nil // rows that people number by hand share ids by chance
	}
	uuids := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !UuidText.MatchString(v) })
	for _, t := range targets {
		if t.table == r {
			continue
		}
		switch {
		case t.column.Type == "uuid" && len(uuids) > 0 && len(uuids) == len(values):
			// Two tables do not share a random id by chance.
			if matching(ctx, q, t, uuids) > 0 {
				found = append(found, t)
			}
		case t.column.Category == "S" && c.Category == "S" && len(values) > 0 && (t.table == m.Users || t.table == m.Orgs || c.Name == t.column.Name):
			if matching(ctx, q, t, values) == len(values) {
				found = append(found, t)
			}
		case t.column.Type == c.Type && t.column.Category == "N" && catalog.Names(c.Name, t.table.Name):
			found = append(found, t)
		}
	}
	if len(found) == 0 && r.IsView() {
		for _, t := range targets {
			if slices.Contains(bases, t.table.OID) && t.column.Name == c.Name && t.column.Type == c.Type && t.table.Key != nil && t.table.Key[0] == c.Name {
				found = append(found, t)
			}
		}
		if len(found) > 1 {
			found = nil // several tables could have given it
		}
	}
	return found
}

// kinds finds the columns of r that lead to rows of several tables, beside one that says to which: parent_id and parent_type.
func (m *Model) kinds(ctx context.Context, q query.Querier, r *catalog.Relation) map[string][]parentLink {
	found := map[string][]parentLink{}
	for _, kind := range r.Columns {
		stem, ok := kindStem(catalog.Normal(kind.Name))
		if !ok || kind.Category != "S" && kind.Category != "E" {
			continue
		}
		var id *catalog.Column
		for _, c := range r.Columns {
			if n := catalog.Normal(c.Name); n == stem+"id" || n == stem+"uuid" || n == stem+"key" || n == stem+"ref" || n == stem+"pk" {
				id = c
			}
		}
		if id == nil {
			continue
		}
		values, err := query.Strings(ctx, q, fmt.Sprintf("SELECT DISTINCT k FROM (SELECT %s::text AS k FROM %s a LIMIT %d) s ORDER BY 1 LIMIT %d",
			query.Column("a", kind.Name), r.SQL(), 100*lineageSample, lineageSample))
		if err != nil {
			continue
		}
		for _, value := range values {
			t := m.tableOf(value)
			if t == nil && id.Type == "uuid" {
				delete(found, id.Name) // the ids themselves say more
				break
			}
			if t != nil && t != r {
				found[id.Name] = append(found[id.Name], parentLink{Columns: []string{id.Name}, Table: t, TargetCols: t.Key, Cast: t.Column(t.Key[0]).Type != id.Type, Kind: kind.Name, KindValue: value})
			}
		}
	}
	return found
}

// kindStem is what parent_type, subject_kind and table_name (beside row_id, entity_id or record_id) have in common with their ids.
func kindStem(name string) (string, bool) {
	for _, suffix := range []string{"type", "kind", "class", "table", "tablename"} {
		if stem, ok := strings.CutSuffix(name, suffix); ok && stem != "" {
			return stem, true
		}
	}
	if name == "tablename" || name == "entity" || name == "resource" || name == "kind" {
		return map[string]string{"tablename": "row", "entity": "entity", "resource": "resource", "kind": "row"}[name], true
	}
	return "", false
}

// tableOf is the tenants' table that a word such as Document, documents, App::Document or public.documents names.
func (m *Model) tableOf(word string) *catalog.Relation {
	if at := strings.LastIndexAny(word, `.:\/`); at >= 0 {
		word = word[at+1:]
	}
	name, ending := catalog.Normal(word), (*catalog.Relation)(nil)
	for _, t := range m.Cat.Relations {
		o := m.own[t.OID]
		if o == nil || !o.Owned() || t.IsView() || t.Partition || len(t.Key) != 1 || name == "" {
			continue
		}
		table := catalog.Normal(t.Name)
		if name == table || catalog.IsSingular(name, table) {
			return t
		}
		if ending == nil && len(name) >= 4 && slices.ContainsFunc(catalog.Plurals(name), func(p string) bool { return strings.HasSuffix(table, p) }) {
			ending = t
		}
	}
	return ending
}

// random reports whether a value is too varied to have been written by hand.
func Random(value string) bool {
	seen := map[rune]bool{}
	for _, r := range value {
		seen[r] = true
	}
	return len(seen) >= 9 // of a uuid's hyphen and sixteen digits
}

// sample returns distinct values of a column; a relation that cannot be read has none.
func sample(ctx context.Context, q query.Querier, r *catalog.Relation, c *catalog.Column) []string {
	if c.Type != "uuid" && c.Category != "S" {
		return nil
	}
	name := pgx.Identifier{c.Name}.Sanitize()
	var values []string
	_ = query.Each(ctx, q, fmt.Sprintf("SELECT DISTINCT %s::text FROM (SELECT %s FROM %s WHERE %s IS NOT NULL LIMIT %d) s", name, name, r.SQL(), name, lineageSample), nil, func(rows pgx.Rows) error {
		var v string
		if err := rows.Scan(&v); err != nil {
			return err
		}
		values = append(values, v)
		return nil
	})
	return values
}

func matching(ctx context.Context, q query.Querier, t reference, values []string) int {
	name := pgx.Identifier{t.column.Name}.Sanitize()
	var count int
	_ = query.One(ctx, q, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = ANY(%s::%s[])", t.table.SQL(), name, query.Array(values), t.column.Type), nil, &count)
	return count
}
