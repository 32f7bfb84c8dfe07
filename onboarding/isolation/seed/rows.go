package seed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// errLater means that a row has to wait for rows of other tables.
var errLater = errors.New("the rows that it refers to are missing")

// belongings gives rows of every table to the tenants that may own one. A table that needs rows of
// another waits for them. It returns the tables that got none.
func (s *seeder) belongings(ctx context.Context) ([]string, error) {
	var left []*catalog.Relation
	for _, t := range s.model.Catalog.Relations {
		o := s.model.Of(t)
		if t.IsTable() && o.Class == tenancy.ClassTenant {
			left = append(left, t)
		}
	}
	reasons := map[*catalog.Relation]error{}
	for progress := true; progress && len(left) > 0; {
		progress = false
		var waiting []*catalog.Relation
		for _, t := range left {
			n, err := s.fill(ctx, t)
			if query.Lost(err) != nil && !errors.Is(err, errLater) {
				return nil, err
			}
			if n == 0 {
				waiting, reasons[t] = append(waiting, t), err
				continue
			}
			progress = true
		}
		left = waiting
	}
	missing := make([]string, len(left))
	for i, t := range left {
		missing[i] = fmt.Sprintf("%s: %s", t, query.Describe(reasons[t]))
	}
	return missing, nil
}

// fill makes the rows of one table. It returns how many, and the last error of those that could not
// be made.
func (s *seeder) fill(ctx context.Context, t *catalog.Relation) (n int, failure error) {
	failure = errLater
	for _, owned := range s.ownedRows(t) {
		for range rowsPerOwner {
			if _, err := s.insert(ctx, t, owned.values, owned.owner); err != nil {
				failure = err
				if query.SQLState(err) == "" && !errors.Is(err, errLater) {
					return n, err
				}
				break
			}
			n++
		}
	}
	return n, failure
}

// ownedRows are the values that make a row of a table each tenant's.
func (s *seeder) ownedRows(t *catalog.Relation) (owned []row) {
	o := s.model.Of(t)
	if !o.Direct() {
		for _, p := range o.Parents {
			for _, parent := range s.made[p.Table] {
				values := map[string]*string{}
				for i, c := range p.Columns {
					values[c] = parent.values[p.TargetCols[i]]
				}
				if p.Kind != "" {
					values[p.Kind] = &p.KindValue
				}
				owned = append(owned, row{values, parent.owner})
			}
		}
		return owned
	}
	for _, tenant := range slices.Concat(s.persons, s.orgs) {
		values := map[string]*string{}
		person := tenant
		if tenant.IsOrg() {
			if len(o.Orgs)+len(o.Either) == 0 {
				continue
			}
			person = s.member(tenant)
			set(values, o.Orgs, tenant.ID)
		} else if len(o.Persons)+len(o.Either) == 0 || mustHave(t, o.Orgs) {
			continue
		}
		set(values, o.Persons, person.ID)
		set(values, o.Either, tenant.ID)
		owned = append(owned, row{values, tenant})
	}
	return owned
}

func set(values map[string]*string, columns []string, id string) {
	for _, c := range columns {
		values[c] = &id
	}
}

func mustHave(t *catalog.Relation, columns []string) bool {
	return slices.ContainsFunc(columns, func(name string) bool { return t.Column(name).NotNull })
}

// insert makes one row. It tries further texts where a constraint does not take the first.
func (s *seeder) insert(
	ctx context.Context, t *catalog.Relation, given map[string]*string, owner tenancy.Tenant,
) (row, error) {
	values := maps.Clone(given)
	if err := s.refer(ctx, t, values, owner); err != nil {
		return row{}, err
	}
	var failure error
	for style := range styles {
		made, err := s.insertAs(ctx, t, values, style)
		if err == nil {
			made.owner = owner
			s.made[t] = append(s.made[t], made)
			s.rows++
			return made, nil
		}
		if failure == nil {
			failure = err
		}
		if !query.In(err, query.IntegrityConstraintViolation) && !query.In(err, query.DataException) {
			return row{}, err
		}
	}
	return row{}, failure
}

func (s *seeder) insertAs(
	ctx context.Context, t *catalog.Relation, values map[string]*string, style int,
) (row, error) {
	var names, literals, returned []string
	for _, c := range t.Columns {
		returned = append(returned, query.Name(c.Name)+"::text")
		value, given := values[c.Name]
		if !given {
			value, given = s.columns.value(t, c, style)
		}
		if given && !c.Generated {
			names, literals = append(names, query.Name(c.Name)), append(literals, c.Literal(value))
		}
	}
	what := "DEFAULT VALUES"
	if len(names) > 0 {
		what = fmt.Sprintf("(%s) VALUES (%s)", strings.Join(names, ", "), strings.Join(literals, ", "))
	}
	if err := query.Exec(ctx, s.conn, "SAVEPOINT seed"); err != nil {
		return row{}, err
	}
	var cells []*string
	err := s.conn.QueryRow(ctx, fmt.Sprintf("INSERT INTO %s %s RETURNING array[%s]::text[]", t.SQL(), what,
		strings.Join(returned, ", "))).Scan(&cells)
	if err != nil {
		if query.SQLState(err) != "" {
			err = errors.Join(err, query.Exec(ctx, s.conn, "ROLLBACK TO seed"))
		}
		return row{}, err
	}
	made := row{values: map[string]*string{}}
	for i, c := range t.Columns {
		made.values[c.Name] = cells[i]
	}
	return made, query.Exec(ctx, s.conn, "RELEASE seed")
}

// refer chooses the rows that a row has to refer to: the owner's, or one of the platform's.
func (s *seeder) refer(
	ctx context.Context, t *catalog.Relation, values map[string]*string, owner tenancy.Tenant,
) error {
	for _, fk := range t.ForeignKeys {
		given := slices.ContainsFunc(fk.Columns, func(c string) bool { return values[c] != nil })
		if given || !mustHave(t, fk.Columns) {
			continue
		}
		target := s.model.Catalog.Relation(fk.Target)
		referred, err := s.target(ctx, target, owner)
		if err != nil {
			return err
		}
		for i, c := range fk.Columns {
			values[c] = referred.values[fk.TargetCols[i]]
		}
	}
	return nil
}

// target returns a row to refer to.
func (s *seeder) target(ctx context.Context, t *catalog.Relation, owner tenancy.Tenant) (row, error) {
	if t == nil {
		return row{}, errLater
	}
	owners := []tenancy.Tenant{owner}
	if owner.IsOrg() {
		owners = append(owners, s.member(owner))
	}
	for _, r := range s.made[t] {
		if slices.Contains(owners, r.owner) || !s.model.Of(t).Owned() {
			return r, nil
		}
	}
	if s.model.Of(t).Owned() {
		return row{}, errLater
	}
	return s.insert(ctx, t, map[string]*string{}, tenancy.Tenant{})
}
