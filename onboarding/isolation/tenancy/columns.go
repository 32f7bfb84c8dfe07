package tenancy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// Normalized names of columns that hold tenants, the canonical two first.
var (
	personColumns = []string{"userid", "personid", "useruuid", "personuuid", "userref", "user", "person", "ownerid",
		"owneruserid",
		"ownerpersonid", "profileid", "accountid", "uid", "createdby", "createdbyid", "authorid", "author",
		"creatorid", "owner"}
	orgColumns = []string{"orgid", "organizationid", "organisationid", "orguuid", "workspaceid", "teamid", "companyid",
		"agencyid",
		"org", "organization", "ownerorgid"}
	eitherColumns = []string{"tenantid", "tenant", "tenantuuid", "ownerid", "subjectid", "principalid"}
)

// canonicalNames is how many names of such a list are certain enough to decide by themselves.
const canonicalNames = 2

// classifyByColumns classifies the relations whose own columns, or whose configuration, say
// whose a row is.
func (d *discovery) classifyByColumns() error {
	d.m.own[d.m.Users.Table.OID] = &Ownership{Class: ClassUsers, Why: "the Persons themselves"}
	if d.m.HasOrgs() {
		d.m.own[d.m.Orgs.Table.OID] = &Ownership{Class: ClassOrgs, Why: "the Orgs themselves"}
	}
	for _, r := range d.m.Catalog.Relations {
		if d.m.own[r.OID] != nil {
			continue
		}
		o, err := d.configured(r)
		if err != nil {
			return err
		}
		if o == nil {
			o = d.fromColumns(r)
		}
		if o != nil {
			d.m.own[r.OID] = o
		}
	}
	return nil
}

// configured is what the configuration says about a relation, or nil.
func (d *discovery) configured(r *catalog.Relation) (*Ownership, error) {
	t, ok := d.config.Tables[r.String()]
	if !ok {
		return nil, nil
	}
	o := &Ownership{Class: ClassTenant, Why: "configured", Configured: true}
	switch {
	case t.Platform:
		o.Class = ClassPlatform
		return o, nil
	case t.UserSQL != "" || t.OrgSQL != "":
		return byExpression(r, t)
	case t.User != "" || t.Org != "":
		if t.User != "" {
			o.Persons = []string{t.User}
		}
		if t.Org != "" {
			o.Orgs = []string{t.Org}
		}
		o.Both = t.Both
		return o, nil
	case t.Parent != "":
		if parent := d.m.Catalog.Named(t.ParentTable); parent != nil && len(parent.Key) == 1 {
			o.Parents = []ParentLink{{Columns: []string{t.Parent}, Table: parent, TargetCols: parent.Key}}
			return o, nil
		}
	}
	return nil, nil
}

// fromColumns classifies a relation by its columns and foreign keys. It returns nil where they
// do not hold a tenant.
func (d *discovery) fromColumns(r *catalog.Relation) *Ownership {
	o := &Ownership{Class: ClassTenant}
	o.Persons = d.leading(r, d.m.Users, d.personNames())
	if d.m.HasOrgs() {
		o.Orgs = d.leading(r, d.m.Orgs, d.orgNames())
		if d.m.Users.Type == d.m.Orgs.Type && len(o.Orgs) == 0 {
			o.Either = d.either(r)
			o.Persons = slices.DeleteFunc(o.Persons, func(c string) bool { return slices.Contains(o.Either, c) })
		}
	}
	if !o.Direct() {
		return nil
	}
	onlyAuthors := !slices.ContainsFunc(o.Persons, func(c string) bool {
		return !madeBy.MatchString(catalog.Normalize(c))
	})
	if len(o.Orgs)+len(o.Either) == 0 && !r.RLS && onlyAuthors {
		// Who entered a row of a lookup table does not own it; who wrote a draft does.
		why := fmt.Sprintf("%s says who made a row, and that need not be its owner", strings.Join(o.Persons, ", "))
		return &Ownership{Class: ClassUnclassified, Why: why}
	}
	o.Why = strings.Join(o.Columns(), ", ")
	return o
}

// namesOrg reports whether a normalized name of a column is that of the table of Orgs, such as
// account_id where these are in accounts, and not that of the table of users.
func (d *discovery) namesOrg(column string) bool {
	return d.m.HasOrgs() && catalog.RefersTo(column, d.m.Orgs.Table.Name) &&
		!catalog.RefersTo(column, d.m.Users.Table.Name)
}

// namesOther reports whether a normalized name of a column is that of a table which holds neither
// Persons nor a row for each, such as account_id beside a table of bank accounts.
func namesOther(d *discovery, column string) bool {
	certain := strings.Contains(column, "user") || strings.Contains(column, "person") ||
		catalog.RefersTo(column, d.m.Users.Table.Name)
	return !certain &&
		slices.ContainsFunc(d.m.Catalog.Relations, func(r *catalog.Relation) bool {
			return r.IsTable() && r != d.m.Users.Table && r != d.m.Orgs.Table && len(r.Key) == 1 &&
				catalog.RefersTo(column, r.Name) && !d.holdsTenant(r.OID, r.Key[0], d.m.Users, 0)
		})
}

func (d *discovery) personNames() []string {
	return slices.DeleteFunc(slices.Clone(personColumns), func(name string) bool {
		return d.namesOrg(name) || namesOther(d, name)
	})
}

// orgNames are the names of columns that hold Orgs, with those that usually hold a Person where
// the table of Orgs is called so.
func (d *discovery) orgNames() []string {
	names := slices.Clone(orgColumns)
	for _, name := range personColumns {
		if d.namesOrg(name) {
			names = append(names, name)
		}
	}
	return names
}

// namesAuthor reports whether a normalized name is that of a column for who wrote a row, who need
// not own it.
func namesAuthor(name string) bool {
	return madeBy.MatchString(name) || slices.Contains([]string{"author", "authorid", "creator", "creatorid"}, name)
}

// leading returns the columns of r that hold tenants of one kind: the one with a canonical name,
// unless a foreign key leads from another that names no author, else all that a foreign key leads
// from, else the one with the best name of the right type.
func (d *discovery) leading(r *catalog.Relation, tenants Tenants, names []string) []string {
	toTenants, keyed := map[string]bool{}, map[string]bool{}
	for _, fk := range r.ForeignKeys {
		holds := slices.IndexFunc(fk.TargetCols, func(c string) bool { return d.holdsTenant(fk.Target, c, tenants, 0) })
		if holds >= 0 {
			toTenants[fk.Columns[holds]], keyed[fk.Columns[holds]] = true, true
			continue
		}
		for _, c := range fk.Columns {
			keyed[c] = true
		}
	}
	ownerByKey := slices.ContainsFunc(slices.Collect(maps.Keys(toTenants)), func(c string) bool {
		return !namesAuthor(catalog.Normalize(c))
	})
	for _, name := range names[:canonicalNames] {
		for _, c := range r.Columns {
			if catalog.Normalize(c.Name) == name && (c.Type == tenants.Type || mayHoldID(c)) &&
				(toTenants[c.Name] || !keyed[c.Name] && !ownerByKey) {
				return []string{c.Name}
			}
		}
	}
	var byKey []string
	for _, c := range r.Columns {
		if toTenants[c.Name] {
			byKey = append(byKey, c.Name)
		}
	}
	if len(byKey) > 0 {
		// A column that is named for the owner says whose a row is; others may name its author.
		for _, c := range byKey {
			if strings.Contains(catalog.Normalize(c), "owner") {
				return []string{c}
			}
		}
		return byKey
	}
	for _, name := range names {
		for _, c := range r.Columns {
			if catalog.Normalize(c.Name) == name && c.Type == tenants.Type && !keyed[c.Name] &&
				!slices.Contains(r.Key, c.Name) {
				return []string{c.Name}
			}
		}
	}
	return nil
}

// holdsTenant reports whether a column that a foreign key leads to is the tenants' id, or the key
// of a table with a row for each tenant, such as profiles beside users, that refers to it.
func (d *discovery) holdsTenant(table uint32, column string, tenants Tenants, depth int) bool {
	if table == tenants.Table.OID {
		return column == tenants.ID
	}
	r := d.m.Catalog.Relation(table)
	if r == nil || depth > maxDepth || len(r.Key) != 1 || r.Key[0] != column {
		return false
	}
	return slices.ContainsFunc(r.ForeignKeys, func(fk catalog.ForeignKey) bool {
		return len(fk.Columns) == 1 && fk.Columns[0] == column &&
			d.holdsTenant(fk.Target, fk.TargetCols[0], tenants, depth+1)
	})
}

// mayHoldID reports whether a column can hold ids in another type than the tenants' own, such as
// text for uuid or integer for bigint.
func mayHoldID(c *catalog.Column) bool {
	return c.Category == catalog.String || c.Category == catalog.Numeric || c.Category == catalog.User &&
		c.Type == "uuid"
}

// either returns the column that may hold a Person or an Org: one named for tenants, or one
// beside a column that says which.
func (d *discovery) either(r *catalog.Relation) []string {
	for _, c := range r.Columns {
		name := catalog.Normalize(c.Name)
		if !slices.Contains(eitherColumns, name) || c.Type != d.m.Users.Type || r.InForeignKey(c.Name) {
			continue
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(name, "id"), "uuid")
		says := slices.ContainsFunc(r.Columns, func(other *catalog.Column) bool {
			n := catalog.Normalize(other.Name)
			return n == stem+"type" || n == stem+"kind"
		})
		if says || strings.HasPrefix(name, "tenant") {
			return []string{c.Name}
		}
	}
	return nil
}
