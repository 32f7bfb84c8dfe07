package tenancy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// ErrNoTenants means that no table of Persons was found, so nothing can be said about whose a
// row is.
var ErrNoTenants = errors.New("no table of users found: name it in users.table")

// discovery finds a model.
type discovery struct {
	m       *Model
	config  Config
	session Reader
}

// Source is where a model is discovered from.
type Source struct {
	Catalog *catalog.Catalog
	// Truth can read every row, and ReadAs reads what must not be read with its rights.
	Truth  query.Querier
	ReadAs Reader
}

// Discover finds the tenants and whose the rows of every relation are.
func Discover(ctx context.Context, from Source, config Config) (*Model, error) {
	m := &Model{Catalog: from.Catalog, own: map[uint32]*Ownership{}, directory: map[uint32]bool{},
		tables: map[uint32]TableConfig{}}
	for _, name := range slices.Sorted(maps.Keys(config.Tables)) {
		r := m.Catalog.Named(name)
		if r == nil {
			continue
		}
		m.tables[r.OID] = config.Tables[name]
		for _, column := range config.Tables[name].Secret {
			if r.Column(column) == nil {
				return nil, fmt.Errorf("tables[%q].secret: %s has no column %s", name, r, column)
			}
		}
	}
	d := &discovery{m: m, config: config, session: from.ReadAs}
	if err := d.findTenants(ctx, from.Truth); err != nil {
		return nil, err
	}
	if err := d.classifyByColumns(); err != nil {
		return nil, err
	}
	d.findMembership()
	d.followTables()
	d.followParents()
	if err := d.followValues(ctx, from.Truth); err != nil {
		return nil, err
	}
	d.followParents()
	d.inherit()
	d.markUnclassified()
	if err := trySharing(ctx, m, from.Truth); err != nil {
		return nil, err
	}
	return m, d.tryExpressions(ctx, from.Truth)
}

var (
	userTables = []string{"users", "user", "people", "persons", "person", "accounts", "profiles", "app_users",
		"user_profiles"}
	orgTables = []string{"orgs", "org", "organizations", "organisations", "organization", "organisation",
		"workspaces", "teams",
		"companies", "agencies"}
	ownerColumns = []string{"ownerid", "owner", "owneruserid"}
)

// findTenants finds the tables of tenants and asks the server for the types of their ids.
func (d *discovery) findTenants(ctx context.Context, q query.Querier) error {
	if err := d.nameTenants(); err != nil {
		return err
	}
	return q.QueryRow(ctx, `SELECT to_regtype($1)::oid, coalesce(to_regtype($1 || '[]')::oid, 0),
		coalesce(to_regtype($2)::oid, 0), coalesce(to_regtype($2 || '[]')::oid, 0)`, d.m.Users.Type, d.m.Orgs.Type).
		Scan(&d.m.Users.OID, &d.m.Users.ArrayOID, &d.m.Orgs.OID, &d.m.Orgs.ArrayOID)
}

// nameTenants names the tables of tenants, the columns of their ids, and who owns an Org.
func (d *discovery) nameTenants() error {
	var err error
	if d.m.Users.Table, err = d.tenantsTable(d.config.Users.Table, "users.table", userTables); err != nil {
		return err
	}
	if d.m.Users.Table == nil {
		return ErrNoTenants
	}
	if !d.config.NoOrgs {
		d.m.Orgs.Table, err = d.tenantsTable(d.config.Orgs.Table, "orgs.table", orgTables)
	}
	if err != nil {
		return err
	}
	if d.m.Users.ID, err = idColumn(d.m.Users.Table, d.config.Users.ID, "users.id"); err != nil {
		return err
	}
	d.m.Users.Type = d.m.Users.Table.Column(d.m.Users.ID).Type
	d.m.Orgs.Type = "text"
	if d.m.HasOrgs() {
		if d.m.Orgs.ID, err = idColumn(d.m.Orgs.Table, d.config.Orgs.ID, "orgs.id"); err != nil {
			return err
		}
		d.m.Orgs.Type = d.m.Orgs.Table.Column(d.m.Orgs.ID).Type
		d.findOrgOwner()
	}
	return nil
}

// tenantsTable returns the table of a kind of tenants: the one that the configuration names,
// else the first that is called like one.
func (d *discovery) tenantsTable(configured, key string, usual []string) (*catalog.Relation, error) {
	if configured != "" {
		r := d.m.Catalog.Named(configured)
		if r == nil {
			return nil, fmt.Errorf("%s: no table %s", key, configured)
		}
		return r, nil
	}
	for _, name := range usual {
		if r := d.m.Catalog.Named("public." + name); r != nil && len(r.Key) == 1 {
			return r, nil
		}
		for _, r := range d.m.Catalog.Relations {
			if strings.EqualFold(r.Name, name) && len(r.Key) == 1 && !r.IsView() {
				return r, nil
			}
		}
	}
	return nil, nil
}

func idColumn(r *catalog.Relation, configured, key string) (string, error) {
	if configured != "" {
		if r.Column(configured) == nil {
			return "", fmt.Errorf("%s: %s has no column %s", key, r, configured)
		}
		return configured, nil
	}
	if len(r.Key) != 1 {
		return "", fmt.Errorf("%s: %s has no primary key of one column: name the column", key, r)
	}
	return r.Key[0], nil
}

// madeBy matches normalized names of columns that say who made or changed a row.
var madeBy = regexp.MustCompile(`^(created|updated|modified|changed|deleted|approved|reviewed|inserted|added|edited|` +
	`published|verified)by(id|userid|user)?$`)

// findOrgOwner finds the column of orgs that holds an Org's owner. Who created an Org owns it
// only where policies, or functions, name the column.
func (d *discovery) findOrgOwner() {
	owner := &d.m.Membership.OwnerColumn
	for _, fk := range d.m.Orgs.Table.ForeignKeys {
		if fk.Target != d.m.Users.Table.OID || len(fk.Columns) != 1 {
			continue
		}
		name := fk.Columns[0]
		if madeBy.MatchString(catalog.Normalize(name)) && !d.m.Catalog.AnySourceNames(name) {
			continue
		}
		if *owner == "" || strings.Contains(catalog.Normalize(name), "owner") {
			*owner = name
		}
	}
	for _, c := range d.m.Orgs.Table.Columns {
		if *owner == "" && c.Type == d.m.Users.Type && slices.Contains(ownerColumns, catalog.Normalize(c.Name)) {
			*owner = c.Name
		}
	}
}

// followParents gives relations without tenant columns of their own the owners of the rows that
// they refer to, and records the parents of rows that name only a Person.
func (d *discovery) followParents() {
	for changed := true; changed; {
		changed = false
		for _, r := range d.m.Catalog.Relations {
			o := d.m.own[r.OID]
			if o != nil && (o.Class != ClassTenant || o.Configured || len(o.Orgs) > 0 || len(o.Either) > 0) {
				continue
			}
			for _, fk := range r.ForeignKeys {
				if !d.isParent(r, o, fk) {
					continue
				}
				if o == nil {
					o = &Ownership{Class: ClassTenant}
					d.m.own[r.OID] = o
				}
				parent := d.m.Catalog.Relation(fk.Target)
				o.Parents = append(o.Parents,
					ParentLink{Columns: fk.Columns, Table: parent, TargetCols: fk.TargetCols, Period: fk.Period})
				o.explain("%s → %s", strings.Join(fk.Columns, "+"), parent)
				changed = true
			}
		}
	}
}

// isParent reports whether a foreign key of r, whose ownership so far is o, leads to the row
// that a row of r goes with.
func (d *discovery) isParent(r *catalog.Relation, o *Ownership, fk catalog.ForeignKey) bool {
	parent := d.m.Catalog.Relation(fk.Target)
	po := d.m.own[parent.OID]
	if parent == r || po == nil || !po.Owned() || o != nil && (o.linked(fk.Columns) || po.Class != ClassTenant) {
		return false
	}
	return po.Class != ClassUsers || !slices.Contains(fk.TargetCols, d.m.Users.ID)
}

// inherit gives partitions and children of a table its owners, where they found none by
// themselves.
func (d *discovery) inherit() {
	for range maxDepth {
		for _, r := range d.m.Catalog.Relations {
			parent := d.m.Catalog.Relation(r.Parent)
			if parent == nil || d.m.own[parent.OID] == nil {
				continue
			}
			if own := d.m.own[r.OID]; own == nil || own.Class == ClassPlatform || r.Partition {
				d.m.own[r.OID] = d.m.own[parent.OID]
			}
		}
	}
}

var (
	// looksOwned matches normalized names of columns that promise a tenant.
	looksOwned = regexp.MustCompile(`^(user|person|org|organi[sz]ation|tenant|account|owner|customer|member|` +
		`workspace|team|profile|principal|subject)(id|uuid|slug|ref|key)?$`)
	// vagueNames matches those among them that promise too little when the column is text and
	// none of its values led to a tenant.
	vagueNames = regexp.MustCompile(`^(account|owner|customer|member|team|profile|principal|subject)$`)
	// mayBeNames matches those that may stand for the name of a tenant, as views call it.
	mayBeNames = regexp.MustCompile(`^(user|person|org|organi[sz]ation|tenant|workspace)$`)
)

// markUnclassified finds relations with a column that promises a tenant and leads to none.
func (d *discovery) markUnclassified() {
	for _, r := range d.m.Catalog.Relations {
		if d.m.own[r.OID] != nil {
			continue
		}
		for _, c := range r.Columns {
			name := catalog.Normalize(c.Name)
			vague := c.Category == catalog.String && (vagueNames.MatchString(name) ||
				r.IsView() && mayBeNames.MatchString(name) && c.Type != d.m.Users.Type && c.Type != d.m.Orgs.Type)
			if !looksOwned.MatchString(name) || vague || r.InForeignKey(c.Name) || slices.Contains(r.Key, c.Name) ||
				c.Category == catalog.Boolean {
				continue
			}
			why := fmt.Sprintf("column %s refers to no tenant", query.Name(c.Name))
			d.m.own[r.OID] = &Ownership{Class: ClassUnclassified, Why: why}
		}
	}
}
