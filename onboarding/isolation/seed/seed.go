package seed

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	persons = 4
	orgs    = 2
	// rowsPerOwner is how many rows of a table each tenant gets.
	rowsPerOwner = 2
)

// ErrHasTenants means that a database is not seeded.
var ErrHasTenants = errors.New("the database has tenants already: -seed only fills an empty, disposable one")

// Config says what to seed.
type Config struct {
	AppRole string
	Tenancy tenancy.Config
}

// Result is what was made.
type Result struct {
	Persons, Orgs, Rows int
	// Missing are the tables of tenants that got no row, each with the reason.
	Missing []string
}

// seeder seeds one database.
type seeder struct {
	conn    *pgx.Conn
	model   *tenancy.Model
	columns *columns
	made    map[*catalog.Relation][]row
	persons []tenancy.Tenant
	orgs    []tenancy.Tenant
	rows    int
}

// row is a row that was made.
type row struct {
	values map[string]*string
	owner  tenancy.Tenant
}

// Run makes tenants and rows in one transaction. conn logs in as the owner of the schema. Where
// the owner is held to policies, they are not forced meanwhile.
func Run(ctx context.Context, conn *pgx.Conn, config Config) (Result, error) {
	cat, err := catalog.Load(ctx, conn, config.AppRole)
	if err != nil {
		return Result{}, fmt.Errorf("read the catalog: %w", err)
	}
	// Views are not read: nothing is in them yet.
	unread := func(context.Context, tenancy.Reading) ([]string, error) { return nil, nil }
	model, err := tenancy.Discover(ctx, tenancy.Source{Catalog: cat, Truth: conn, ReadAs: unread}, config.Tenancy)
	if err != nil {
		return Result{}, err
	}
	s := &seeder{conn: conn, model: model, made: map[*catalog.Relation][]row{}}
	if s.columns, err = readColumns(ctx, conn); err != nil {
		return Result{}, fmt.Errorf("read the columns: %w", err)
	}
	var result Result
	err = pgx.BeginFunc(ctx, conn, func(pgx.Tx) error {
		result, err = s.run(ctx)
		return err
	})
	return result, err
}

// run is everything inside the transaction.
func (s *seeder) run(ctx context.Context) (Result, error) {
	if err := s.refuseTenants(ctx); err != nil {
		return Result{}, err
	}
	var forced []*catalog.Relation
	for _, t := range s.model.Catalog.Relations {
		if t.Forced && t.HasRowIDs() {
			forced = append(forced, t)
		}
	}
	if err := s.force(ctx, forced, "NO FORCE"); err != nil {
		return Result{}, err
	}
	if err := s.refuseTenants(ctx); err != nil {
		return Result{}, err
	}
	if err := s.tenants(ctx); err != nil {
		return Result{}, err
	}
	missing, err := s.belongings(ctx)
	if err != nil {
		return Result{}, err
	}
	result := Result{Persons: len(s.persons), Orgs: len(s.orgs), Rows: s.rows, Missing: missing}
	if s.model.OrgsAlone {
		result.Persons, result.Orgs = 0, len(s.persons)
	}
	return result, s.force(ctx, forced, "FORCE")
}

// refuseTenants returns an error if there is a tenant. Asked before anything is locked, it may not
// see those that policies hide from the owner, so it is asked again when they are not forced.
func (s *seeder) refuseTenants(ctx context.Context) error {
	for _, tenants := range []tenancy.Tenants{s.model.Users, s.model.Orgs} {
		if tenants.Table == nil {
			continue
		}
		var has bool
		err := s.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+tenants.Table.SQL()+")").Scan(&has)
		if err != nil {
			return fmt.Errorf("%s: %w", tenants.Table, err)
		}
		if has {
			return ErrHasTenants
		}
	}
	return nil
}

func (s *seeder) force(ctx context.Context, tables []*catalog.Relation, force string) error {
	for _, t := range tables {
		err := query.Exec(ctx, s.conn, "ALTER TABLE "+t.SQL()+" "+force+" ROW LEVEL SECURITY")
		if err != nil {
			return fmt.Errorf("%s: seeding needs the rights of the table's owner, %s: %w", t, t.Owner, err)
		}
	}
	return nil
}

// tenants makes Persons, Orgs, and who is in which: the first Person owns the first Org and the
// third the second, the second Person is a member of the first Org, and the last is in none.
func (s *seeder) tenants(ctx context.Context) error {
	m := s.model
	ms := m.Membership
	if ms.HomeColumn != "" && ms.OwnerColumn == "" {
		if err := s.foundOrgs(ctx); err != nil {
			return err
		}
	}
	for i := range persons {
		values := map[string]*string{}
		if ms.HomeColumn != "" && len(s.orgs) > 0 && i < persons-1 {
			values[ms.HomeColumn] = &s.orgs[i/orgs].ID
		}
		made, err := s.insert(ctx, m.Users.Table, values, tenancy.Tenant{})
		if err != nil {
			return fmt.Errorf("%s: no tenant could be made: %w", m.Users.Table, err)
		}
		s.persons = append(s.persons, s.tenant(m.Users, tenancy.Person, made))
	}
	if m.HasOrgs() && len(s.orgs) == 0 {
		if err := s.foundOrgs(ctx); err != nil {
			return err
		}
	}
	for i := range persons - 1 {
		if err := s.join(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) foundOrgs(ctx context.Context) error {
	m := s.model
	for i := range orgs {
		values := map[string]*string{}
		owner := tenancy.Tenant{}
		if len(s.persons) > 0 {
			owner = s.persons[i*orgs]
			if m.Membership.OwnerColumn != "" {
				values[m.Membership.OwnerColumn] = &owner.ID
			}
		}
		made, err := s.insert(ctx, m.Orgs.Table, values, owner)
		if err != nil {
			return fmt.Errorf("%s: no Org could be made: %w", m.Orgs.Table, err)
		}
		s.orgs = append(s.orgs, s.tenant(m.Orgs, tenancy.Org, made))
	}
	return nil
}

// tenant notes who owns a row of a table of tenants: the row itself.
func (s *seeder) tenant(t tenancy.Tenants, kind tenancy.OwnerKind, made row) tenancy.Tenant {
	tenant := tenancy.Tenant{Kind: kind, ID: *made.values[t.ID]}
	rows := s.made[t.Table]
	rows[len(rows)-1].owner = tenant
	return tenant
}

// join makes a Person a member of an Org.
func (s *seeder) join(ctx context.Context, person int) error {
	ms := s.model.Membership
	if len(s.orgs) == 0 {
		return nil
	}
	member, org := s.persons[person], s.orgs[person/orgs]
	switch {
	case ms.Table != nil:
		_, err := s.insert(ctx, ms.Table, map[string]*string{ms.Person: &member.ID, ms.Org: &org.ID}, org)
		if err != nil {
			return fmt.Errorf("%s: no member could be made: %w", ms.Table, err)
		}
	case ms.RosterColumn != "":
		roster := query.Column("o", ms.RosterColumn)
		return query.Exec(ctx, s.conn, fmt.Sprintf("UPDATE %s o SET %s = coalesce(%s, '{}') || %s WHERE %s = %s",
			s.model.Orgs.Table.SQL(), query.Name(ms.RosterColumn), roster, s.model.PersonLiteral(member.ID),
			query.Column("o", s.model.Orgs.ID)+"::text", query.Literal(org.ID)))
	}
	return nil
}

// member returns a Person of an Org.
func (s *seeder) member(org tenancy.Tenant) tenancy.Tenant {
	return s.persons[slices.Index(s.orgs, org)*orgs]
}
