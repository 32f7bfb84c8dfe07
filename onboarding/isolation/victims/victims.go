package victims

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// perKind is how many Persons and how many Orgs are victims.
	perKind = 2
	// maxCovering is how many more of each kind are victims since those own no rows in some
	// tables.
	maxCovering = 2
	// samplePerKind is how many sessions of each kind the sample holds.
	samplePerKind = 2
)

// Config is what the choice of victims rests on.
type Config struct {
	Model *tenancy.Model
	Truth query.Querier
	// Tables are the relations whose rows are tenants'.
	Tables []*catalog.Relation
	// Chosen are the settings whose values attackers choose, and Roles the roles that they can
	// become.
	Chosen *session.ChosenSettings
	Roles  []string
	// Only is the id of the single tenant to check, or empty.
	Only    string
	Results *results.Collector
	// Settings say which sessions the platform can open.
	Settings session.Settings
}

// Victims are a few tenants whose rows attackers go for, and the attackers.
type Victims struct {
	config Config
	list   []tenancy.Tenant
	apart  map[tenancy.Tenant]bool // victims for what sets them apart
	names  []string                // unique texts of the victims' own rows
	// columns are some values of the columns that settings are compared with, by name.
	columns map[string][]string
	sample  []session.Session
	// sessions are known sessions by Person, attackers those by victim.
	sessions  map[string]session.Session
	attackers map[tenancy.Tenant][]session.Session
	// opened counts how often other settings, by their key, opened a read.
	opened map[string]int
	// read are the tenants whose rows of a table others read, and readers these others.
	read    map[*catalog.Relation][]tenancy.Tenant
	readers map[tenancy.Tenant][]session.Session
}

// Choose chooses tenants who own rows, and a sample of sessions of each kind. If a single tenant
// is to be checked, it is the only victim.
func Choose(ctx context.Context, config Config) (*Victims, error) {
	v := &Victims{
		config: config, sessions: map[string]session.Session{}, apart: map[tenancy.Tenant]bool{},
		attackers: map[tenancy.Tenant][]session.Session{}, opened: map[string]int{},
		read: map[*catalog.Relation][]tenancy.Tenant{}, readers: map[tenancy.Tenant][]session.Session{},
	}
	if err := v.choose(ctx); err != nil {
		return nil, err
	}
	if err := v.chooseSample(ctx); err != nil {
		return nil, err
	}
	if err := v.readNames(ctx); err != nil {
		return nil, err
	}
	return v, v.readColumns(ctx)
}

// List returns the victims.
func (v *Victims) List() []tenancy.Tenant { return v.list }

// Sample returns sessions of a few tenants, of each kind.
func (v *Victims) Sample() []session.Session { return v.sample }

// Persons returns the ids of the Persons among the victims. They own rows.
func (v *Victims) Persons() []string {
	var ids []string
	for _, victim := range v.list {
		if victim.Kind == tenancy.Person {
			ids = append(ids, victim.ID)
		}
	}
	return ids
}

// add adds a victim unless there are enough of its kind.
func (v *Victims) add(victim tenancy.Tenant) {
	n := 0
	for _, c := range v.list {
		if c.Kind == victim.Kind {
			n++
		}
	}
	if n < perKind && !slices.Contains(v.list, victim) {
		v.list = append(v.list, victim)
	}
}

func (v *Victims) choose(ctx context.Context) error {
	m := v.config.Model
	only := ""
	if v.config.Only != "" {
		only = " AND o " + isOwner(v.config.Only)
	}
	var owning [][]tenancy.Tenant // by table
	for _, t := range v.config.Tables {
		if !t.IsTable() || m.Of(t).AreTenants() {
			continue
		}
		owner := m.Owner(t, "a")
		if with := tenancy.CoOwner(m, t, "a"); with != "" {
			owner = fmt.Sprintf("unnest(ARRAY[%s, '%s ' || %s])", owner, tenancy.Person, with)
		}
		owners, err := query.Strings(ctx, v.config.Truth, fmt.Sprintf(
			"SELECT DISTINCT o FROM (SELECT %s AS o FROM %s a LIMIT 2000) s WHERE o IS NOT NULL%s ORDER BY o LIMIT 50",
			owner, t.SQL(), only))
		if err != nil {
			v.config.Results.LeaveOut("%s: %s", t, query.Describe(err))
			continue
		}
		if owners, err = v.openFirst(ctx, owners); err != nil {
			return err
		}
		tenants := make([]tenancy.Tenant, len(owners))
		for i, owner := range owners {
			tenants[i] = tenancy.ParseOwner(owner)
			v.add(tenants[i])
		}
		owning = append(owning, tenants)
	}
	v.list = covering(v.list, owning)
	if err := v.chooseWithoutRows(ctx); err != nil {
		return err
	}
	return v.chooseByTraits(ctx)
}

// covering adds owners to victims, for the tables in which no victim of an owner's kind owns a
// row: those first who own rows in most of these tables.
func covering(victims []tenancy.Tenant, owning [][]tenancy.Tenant) []tenancy.Tenant {
	for _, kind := range []tenancy.OwnerKind{tenancy.Person, tenancy.Org} {
		isOther := func(o tenancy.Tenant) bool { return o.Kind != kind }
		left := make([][]tenancy.Tenant, len(owning))
		for i, owners := range owning {
			left[i] = slices.DeleteFunc(slices.Clone(owners), isOther)
		}
		for range maxCovering {
			left = slices.DeleteFunc(left, func(owners []tenancy.Tenant) bool {
				return len(owners) == 0 || slices.ContainsFunc(victims,
					func(victim tenancy.Tenant) bool { return slices.Contains(owners, victim) })
			})
			if len(left) == 0 {
				break
			}
			tables := map[tenancy.Tenant]int{}
			for _, owner := range slices.Concat(left...) {
				tables[owner]++
			}
			victims = append(victims, slices.MaxFunc(slices.Concat(left...), func(a, b tenancy.Tenant) int {
				return cmp.Compare(tables[a], tables[b])
			}))
		}
	}
	return victims
}

// openFirst orders owners so those for whom the platform opens a session come first: as
// themselves, they show what tenants reach of their own.
func (v *Victims) openFirst(ctx context.Context, owners []string) ([]string, error) {
	m, id := v.config.Model, query.Column("u", v.config.Model.Users.ID)
	condition := v.lister().Opens(id)
	if condition == "true" {
		return owners, nil
	}
	open, err := query.Strings(ctx, v.config.Truth, fmt.Sprintf("SELECT owner FROM "+
		"(SELECT '%s ' || %s::text AS owner, %[2]s AS id FROM %s u) u WHERE owner = ANY($1) AND %s",
		tenancy.Person, id, m.Users.Table.SQL(), v.lister().Opens("u.id")), owners)
	slices.SortStableFunc(owners, func(a, b string) int {
		return cmp.Compare(min(slices.Index(open, b), 0), min(slices.Index(open, a), 0))
	})
	return owners, err
}

// chooseWithoutRows fills the list with any tenants.
func (v *Victims) chooseWithoutRows(ctx context.Context) error {
	for _, kind := range []tenancy.OwnerKind{tenancy.Person, tenancy.Org} {
		tenants := v.config.Model.TableOf(kind)
		if tenants.Table == nil || v.config.Only != "" && len(v.list) > 0 {
			continue
		}
		id, where := query.Column("t", tenants.ID), ""
		if v.config.Only != "" {
			where = "WHERE " + id + "::text = " + query.Literal(v.config.Only)
		}
		ids, err := query.Strings(ctx, v.config.Truth,
			fmt.Sprintf("SELECT %[1]s::text FROM %[2]s t %[3]s ORDER BY %[1]s LIMIT 3",
				id, tenants.Table.SQL(), where))
		if err != nil {
			return err
		}
		for _, id := range ids {
			v.add(tenancy.Tenant{Kind: kind, ID: id})
		}
	}
	return nil
}

// isOwner is the rest of the condition that an owner is the tenant with an id, of either kind.
func isOwner(id string) string {
	person, org := tenancy.Tenant{Kind: tenancy.Person, ID: id}, tenancy.Tenant{Kind: tenancy.Org, ID: id}
	return fmt.Sprintf("IN (%s, %s)", query.Literal(person.String()), query.Literal(org.String()))
}

// readNames reads the unique texts of the victims' own rows, such as slugs.
func (v *Victims) readNames(ctx context.Context) error {
	for _, victim := range v.list {
		tenants := v.config.Model.TableOf(victim.Kind)
		t := tenants.Table
		for _, key := range t.Unique {
			if len(key) != 1 || key[0] == tenants.ID || t.Column(key[0]).Category != catalog.String ||
				v.config.Model.IsSecret(t, key[0]) {
				continue
			}
			values, err := query.Strings(ctx, v.config.Truth,
				fmt.Sprintf("SELECT %s::text FROM %s t WHERE %s::text = %s",
					query.Column("t", key[0]), t.SQL(), query.Column("t", tenants.ID), query.Literal(victim.ID)))
			if err != nil {
				return err
			}
			v.names = append(v.names, values...)
		}
	}
	return nil
}

// columnValues is how many values of a column settings are tried with.
const columnValues = 4

// readColumns reads some values of the columns that settings are compared with, the rarest first:
// what most rows hold, most sessions see.
func (v *Victims) readColumns(ctx context.Context) error {
	v.columns = map[string][]string{}
	for _, name := range v.config.Chosen.Columns() {
		for _, t := range v.config.Tables {
			c := t.Column(name)
			if c == nil || !t.IsTable() || len(v.columns[name]) >= columnValues || v.config.Model.IsSecret(t, name) {
				continue
			}
			values, err := v.config.rarest(ctx, t, name, columnValues)
			if query.Lost(err) != nil {
				return err
			}
			v.columns[name] = append(v.columns[name], values...)
		}
	}
	return nil
}

func (v *Victims) lister() *session.Lister {
	return &session.Lister{Model: v.config.Model, Truth: v.config.Truth, Settings: v.config.Settings}
}

// chooseSample keeps a few sessions of each kind.
func (v *Victims) chooseSample(ctx context.Context) error {
	kinds := map[session.Kind]int{}
	return v.lister().FirstPage(ctx, func(s session.Session) {
		if s.Kind == session.Person {
			v.remember(s)
		}
		if kinds[s.Kind]++; kinds[s.Kind] > samplePerKind {
			return
		}
		v.sample = append(v.sample, s)
		if s.Kind == session.Person {
			s.Org, s.Label = nil, s.Label+" before any Org was set"
			v.sample = append(v.sample, s)
		}
	})
}

// remember keeps the session that [Victims.SessionOf] returns.
func (v *Victims) remember(s session.Session) { v.sessions[*s.Identity.Person] = s }

// SessionOf returns a Person's session, as [session.Lister.Of] does.
func (v *Victims) SessionOf(ctx context.Context, person string) (session.Session, error) {
	if s, known := v.sessions[person]; known {
		return s, nil
	}
	s, err := v.lister().Of(ctx, person)
	if err == nil {
		v.remember(s)
	}
	return s, err
}
