package interference

import (
	"context"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// findTrails finds, for each table with triggers, the tables that these name, such as an audit
// trail: who writes a row may write another there that has no owner, and everybody reads it. Views
// that are made of a table's rows are found, too.
func (t *tester) findTrails() {
	m := t.Model
	for _, trail := range m.Catalog.Relations {
		if !trail.IsTable() || trail.Partition || !trail.Usage || !trail.SelectAll || !m.Of(trail).Direct() ||
			m.Of(trail).Class != tenancy.ClassTenant || m.PublicRows(trail) != "" || m.IsDirectory(trail) ||
			t.Scope.Excused(trail) || t.Scope.GivenUp(trail) {
			continue
		}
		names := m.Catalog.NamedVia(trail)
		for _, table := range m.Catalog.Relations {
			if table != trail && slices.ContainsFunc(m.Catalog.Functions, func(f *catalog.Function) bool {
				return slices.Contains(table.Triggers, f.OID) && slices.Contains(names, f.Name)
			}) {
				t.trails[table] = append(t.trails[table], trail)
			}
		}
	}
}

// findDerived adds, for each table, the views with their owner's rights that are made of its rows
// and say of none whose it is, such as a sum for each month.
func (t *tester) findDerived() {
	m := t.Model
	for _, view := range m.Catalog.Relations {
		if view.Kind != catalog.View || view.Option("security_invoker") || !view.Usage || !view.Readable() ||
			m.Of(view).Owned() || m.Of(view).Configured || m.IsDirectory(view) || t.Scope.Excused(view) ||
			t.Scope.GivenUp(view) {
			continue
		}
		for _, table := range m.Catalog.TablesOf(view) {
			if m.Of(table).Class == tenancy.ClassTenant && table.RLS {
				t.trails[table] = append(t.trails[table], view)
				if !slices.Contains(t.derived, view) {
					t.derived = append(t.derived, view)
				}
			}
		}
	}
}

// concernedBy are sessions of Persons whom rows concern that derived views ask.
func (t *tester) concernedBy(ctx context.Context, v tenancy.Tenant) ([]session.Session, error) {
	var sessions []session.Session
	for _, view := range t.derived {
		found, err := t.concerned.By(ctx, view.Definition, v)
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(slices.Clone(found), func(s session.Session) bool { return s.Kind != session.Person })
		sessions = append(sessions, found[:min(attackersPerVictim, len(found))]...)
	}
	return sessions, nil
}

// trail is the test of what an act of the victim's in one table adds to others for everybody: rows
// that are nobody's, or another's.
func (p *pair) trail(table *catalog.Relation) *pair {
	m, one := p.Model, *p
	one.tables, one.observations = []*catalog.Relation{table}, nil
	for _, r := range p.trails[table] {
		if p.Results.Leaks(r.String(), results.Read) {
			continue
		}
		source := r.SQL() + " o WHERE " + m.Owner(r, "o") + " IS NULL OR " +
			m.Foreign(r, "o", m.IdentitySQL(p.attacker.Identity), tenancy.Attacker)
		row := "ROW(" + r.ReadableSQL("o") + ")::text"
		one.observations = append(one.observations, observation{relation: r, sql: digest(row, source)})
	}
	return &one
}
