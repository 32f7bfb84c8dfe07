package tenancy

import (
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// OrgsAlone returns the configuration for a platform that has a table of Orgs and none of users,
// and whether it is one. Each Org then takes the place of a Person: its sessions carry its id and
// nothing else, and it shares its rows with no other tenant.
func (c Config) OrgsAlone(cat *catalog.Catalog) (Config, bool) {
	if c.alone {
		return c, true
	}
	if c.Users.Table != "" || c.NoOrgs || usualTable(cat, userTables, c.Orgs.Table) != nil {
		return c, false
	}
	if c.Orgs.Table == "" {
		found := usualTable(cat, orgTables, "")
		if found == nil {
			return c, false
		}
		c.Orgs.Table = found.String()
	}
	c.Users, c.Orgs, c.NoOrgs, c.alone = c.Orgs, TenantsConfig{}, true, true
	c.Tables = maps.Clone(c.Tables)
	for name, t := range c.Tables {
		if t.Org != "" || t.OrgSQL != "" { // what names a user beside it names an author
			t.User, t.UserSQL, t.Org, t.OrgSQL, t.Both = t.Org, t.OrgSQL, "", "", false
			c.Tables[name] = t
		}
	}
	return c, true
}

// key is a key of the configuration of users, as whoever wrote it calls it.
func (c Config) key(of string) string {
	if c.alone {
		return "orgs." + of
	}
	return "users." + of
}

// usualTable returns the first table of tenants that has one of the usual names and is not
// another, or nil.
func usualTable(cat *catalog.Catalog, usual []string, other string) *catalog.Relation {
	for _, name := range usual {
		if r := cat.Named("public." + name); r != nil && len(r.Key) == 1 && r.String() != other {
			return r
		}
		for _, r := range cat.Relations {
			if strings.EqualFold(r.Name, name) && len(r.Key) == 1 && !r.IsView() && r.String() != other {
				return r
			}
		}
	}
	return nil
}

// aloneNames are the names of columns that hold Orgs where these are all the tenants: the usual
// ones, and those that are called like their table.
func aloneNames(d *discovery) []string {
	names := slices.Concat([]string{"tenantid", "tenantuuid"}, orgColumns, []string{"tenant"})
	for _, r := range d.m.Catalog.Relations {
		for _, c := range r.Columns {
			if name := catalog.Normalize(c.Name); catalog.RefersTo(name, d.m.Users.Table.Name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// ArgumentWords are the words in the name of a function's argument that promise the id of a Person
// or of an Org: the usual ones, and what their tables are called.
func ArgumentWords(m *Model) (person, org []string) {
	person, org = []string{"user", "person", "owner", "member"}, []string{"org", "tenant", "workspace"}
	if m.HasOrgs() {
		name := catalog.Normalize(m.Orgs.Table.Name)
		org = append(org, strings.TrimSuffix(strings.TrimSuffix(name, "ies"), "s"))
	}
	if m.OrgsAlone {
		return slices.Concat(person, org), nil
	}
	return person, org
}
