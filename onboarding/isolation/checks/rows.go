package checks

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// target is what an attacker goes for: a victim's row, or the place where one would be.
type target struct {
	victim tenancy.Tenant
	place  string             // condition that finds the row; empty if there is none
	key    string             // of the row, for people
	values map[string]*string // of the row, as text; where there is none, what a row of the victim's would hold
}

// kind is what the row says about which table its parent is in.
func (f target) kind(o *tenancy.Ownership) string {
	for _, p := range o.Parents {
		if value := f.values[p.Kind]; p.Kind != "" && value != nil {
			return *value
		}
	}
	return ""
}

// rowsPerVictim is how many rows of one victim are gone for: the first may be held by a foreign key.
const rowsPerVictim = 3

// targets finds rows of victims of both kinds, and where there is none, makes up what one would be.
func (r *Run) targets(ctx context.Context, t *catalog.Relation) ([]target, error) {
	var found []target
	for _, kind := range []string{"Person", "Org"} {
		rows, err := r.rowsOf(ctx, t, fmt.Sprintf("starts_with(%s, '%s ')", r.m.Owner(t, "a"), kind))
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	for _, p := range r.m.Of(t).Parents {
		if p.Kind == "" || slices.ContainsFunc(found, func(f target) bool { return same(f.values[p.Kind], &p.KindValue) }) {
			continue
		}
		rows, err := r.rowsOf(ctx, t, fmt.Sprintf("%s IS NOT NULL AND %s::text = %s", r.m.Owner(t, "a"), query.Column("a", p.Kind), query.Literal(p.KindValue)))
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	if len(found) > 0 && r.m.Of(t).Class != tenancy.ClassTenant {
		return found, nil
	}
	for _, v := range r.victims {
		if slices.ContainsFunc(found, func(f target) bool { return (f.victim.Org != "") == (v.Org != "") }) {
			continue
		}
		values, err := r.imagined(ctx, t, v, found)
		if err != nil {
			return nil, err
		}
		if values != nil {
			found = append(found, target{victim: v, values: values})
		}
	}
	return found, nil
}

// rowsOf reads a few rows of t, all of one owner where possible, with all their values.
func (r *Run) rowsOf(ctx context.Context, t *catalog.Relation, condition string) ([]target, error) {
	if r.tenant != "" {
		condition += fmt.Sprintf(" AND %s IN (%s, %s)", r.m.Owner(t, "a"), query.Literal("Person "+r.tenant), query.Literal("Org "+r.tenant))
	}
	return r.rowsAnyTenant(ctx, t, condition)
}

func (r *Run) rowsAnyTenant(ctx context.Context, t *catalog.Relation, condition string) ([]target, error) {
	return r.rowsMatching(ctx, t, condition, rowsPerVictim)
}

// rowsMatching reads up to limit rows that have an owner, with all their values.
func (r *Run) rowsMatching(ctx context.Context, t *catalog.Relation, condition string, limit int) ([]target, error) {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = query.Column("a", c.Name) + "::text"
	}
	sql := fmt.Sprintf("SELECT %s, 'a.tableoid = ' || a.tableoid::text || ' AND a.ctid = ''' || a.ctid::text || '''', %s, array[%s]::text[] FROM %s a WHERE %s LIMIT %d",
		r.m.Owner(t, "a"), r.m.RowKey(t, "a"), strings.Join(columns, ", "), t.SQL(), condition, limit)
	var found []target
	err := query.Each(ctx, r.admin, sql, nil, func(rows pgx.Rows) error {
		var owner string
		var f target
		var values []*string
		if err := rows.Scan(&owner, &f.place, &f.key, &values); err != nil {
			return err
		}
		f.victim, f.values = tenancy.TenantOf(owner), map[string]*string{}
		for i, c := range t.Columns {
			f.values[c.Name] = values[i]
		}
		for _, name := range t.Partitioned {
			// Spares the planner all other partitions.
			if c := t.Column(name); c != nil && c.Select && f.values[name] != nil {
				f.place += " AND " + query.Column("a", name) + " = " + c.Literal(f.values[name])
			}
		}
		found = append(found, f)
		return nil
	})
	return found, err
}

// imagined are the values of a row that would be the victim's: copied from any row, or made up. It is nil where the victim can have none.
func (r *Run) imagined(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, like []target) (map[string]*string, error) {
	o := r.m.Of(t)
	values := map[string]*string{}
	if len(like) > 0 {
		values = maps.Clone(like[0].values)
	} else {
		for _, c := range t.Columns {
			values[c.Name] = imagined(c)
		}
		for _, fk := range t.ForeignKeys {
			row, err := r.anyRow(ctx, r.m.Cat.ByOID[fk.Target], fk.TargetCols, "true")
			if err != nil {
				return nil, err
			}
			for i, c := range fk.Columns {
				if row != nil {
					values[c] = row[i]
				}
			}
		}
	}
	if !o.Direct() {
		placed := false
		for _, p := range o.Parents {
			row, err := r.anyRow(ctx, p.Table, p.TargetCols, fmt.Sprintf("%s = %s", r.m.Owner(p.Table, "a"), query.Literal(v.String())))
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
	if v.Org != "" && len(o.Org)+len(o.Either) == 0 || v.Person != "" && len(o.User)+len(o.Either) == 0 {
		return nil, nil
	}
	for _, c := range o.Org {
		if values[c] = nil; v.Org != "" {
			values[c] = &v.Org
		}
	}
	for _, c := range slices.Concat(o.User, o.Either) {
		if v.Person != "" {
			values[c] = &v.Person
		}
	}
	for _, c := range o.Either {
		if v.Org != "" {
			values[c] = &v.Org
		}
	}
	return values, nil
}

// anyRow reads columns of one row of t; it is nil if there is none.
func (r *Run) anyRow(ctx context.Context, t *catalog.Relation, names []string, condition string) ([]*string, error) {
	columns := make([]string, len(names))
	for i, name := range names {
		columns[i] = query.Column("a", name) + "::text"
	}
	var values []*string
	err := query.One(ctx, r.admin, fmt.Sprintf("SELECT array[%s]::text[] FROM %s a WHERE %s LIMIT 1", strings.Join(columns, ", "), t.SQL(), condition), nil, &values)
	if err == pgx.ErrNoRows {
		return nil, nil
	}
	return values, err
}

// imagined is a value that a column would take, or nil for NULL.
func imagined(c *catalog.Column) *string {
	if !c.NotNull {
		return nil
	}
	switch {
	case c.Element != "":
		return &c.Element
	case c.Type == "uuid":
		return query.Ref(uuid.NewString())
	case strings.HasSuffix(c.Type, "[]"):
		return query.Ref("{}")
	case strings.HasPrefix(c.Type, "json"):
		return query.Ref("{}")
	case strings.HasSuffix(c.Type, "range"):
		return query.Ref("empty")
	}
	switch c.Category {
	case "N":
		return query.Ref("1")
	case "B":
		return query.Ref("true")
	case "D":
		return query.Ref("2001-02-03 04:05:06+00")
	case "T":
		return query.Ref("1 hour")
	case "I":
		return query.Ref("127.0.0.1")
	}
	return query.Ref("x")
}

var typeLength = regexp.MustCompile(`\((\d+)\)`)

// fresh is a value unlike all others, for a column of a unique key; nil if the type has none to spare.
func fresh(c *catalog.Column) *string {
	switch {
	case c.Type == "uuid":
		return query.Ref(uuid.NewString())
	case c.Type == "smallint":
		return query.Ref(randomNumber(20_000, 32_000))
	case c.Type == "integer":
		return query.Ref(randomNumber(1_900_000_000, 2_147_000_000))
	case c.Category == "N":
		return query.Ref(randomNumber(8_000_000_000_000_000, 9_000_000_000_000_000))
	case c.Category == "S":
		text := strings.ReplaceAll(uuid.NewString(), "-", "")
		if match := typeLength.FindStringSubmatch(c.Type); match != nil {
			if n, err := strconv.Atoi(match[1]); err == nil && n < len(text) {
				text = text[:n]
			}
		}
		return &text
	case c.Category == "D" && strings.HasPrefix(c.Type, "timestamp"):
		return query.Ref("2001-02-03 04:05:06." + randomNumber(100_000, 999_999))
	}
	return nil
}

// freshLike is fresh, in the shape of a value that the column's checks let pass.
func freshLike(c *catalog.Column, value *string) *string {
	if value == nil || c.Category != "S" || tenancy.UuidText.MatchString(*value) {
		return fresh(c)
	}
	varied := 0
	like := strings.Map(func(r rune) rune {
		first, size := '0', int64(10)
		switch {
		case r >= 'a' && r <= 'z':
			first, size = 'a', 26
		case r >= 'A' && r <= 'Z':
			first, size = 'A', 26
		case r < '0' || r > '9':
			return r
		}
		varied++
		return first + rune(randomBelow(size))
	}, *value)
	if varied < enoughVaried {
		return fresh(c)
	}
	return &like
}

// enoughVaried is how many random letters and digits make a value that no other row has.
const enoughVaried = 6

func randomNumber(low, high int64) string { return strconv.FormatInt(low+randomBelow(high-low), 10) }

func randomBelow(limit int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(limit))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return n.Int64()
}

// manner is how an INSERT is made.
type manner int

const (
	freshly manner = iota // with fresh keys
	again                 // with the keys of a row that is no longer there
	wholly                // with fresh keys, and with columns that the app role has no rights to
)

// insertion renders an INSERT of a row, and the condition that finds it by its primary key ("true" if that is not known).
func (r *Run) insertion(t *catalog.Relation, values map[string]*string, how manner) (sql, condition string) {
	o := r.m.Of(t)
	fixed := o.TenantColumns()
	for _, fk := range t.ForeignKeys {
		fixed = append(fixed, fk.Columns...)
	}
	values = maps.Clone(values)
	var renew []string
	if how != again {
		renew = slices.Concat(t.Unique...)
	}
	condition = "true"
	var names, literals []string
	for _, c := range t.Columns {
		if !c.Insert && !t.Elsewhere && how != wholly || c.Generated {
			continue
		}
		if slices.Contains(renew, c.Name) && !slices.Contains(fixed, c.Name) {
			if v := freshLike(c, values[c.Name]); v != nil {
				values[c.Name] = v
			}
		}
		names = append(names, pgx.Identifier{c.Name}.Sanitize())
		literals = append(literals, c.Literal(values[c.Name]))
		if slices.Contains(t.Key, c.Name) && values[c.Name] != nil {
			condition += fmt.Sprintf(" AND %s = %s", query.Column("a", c.Name), c.Literal(values[c.Name]))
		}
	}
	if len(names) == 0 {
		return "", ""
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.SQL(), strings.Join(names, ", "), strings.Join(literals, ", ")), condition
}
