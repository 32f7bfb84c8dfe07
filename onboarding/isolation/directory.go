package isolation

import "slices"

// publicNames are columns of users and orgs that strangers may know: who exists, and by which name.
var publicNames = []string{"id", "uuid", "userid", "orgid", "personid", "slug", "handle", "username", "displayname", "name", "avatar", "avatarurl", "logo", "logourl", "kind", "type",
	"verified", "createdat", "bio", "headline"}

// markDirectories turns users, orgs and views of them into the platform's where all that the app role can read is public by nature.
func (r *run) markDirectories() {
	m := r.m
	for _, t := range m.cat.Relations {
		o := m.of(t)
		listing := o.Class == classUsers || o.Class == classOrgs || o.Class == classTenant && !o.direct() && !slices.ContainsFunc(o.Parents, func(p parentLink) bool {
			return m.of(p.Table).Class != classUsers && m.of(p.Table).Class != classOrgs
		})
		if !listing || !t.readable() || len(t.ForeignKeys) > 0 && o.Class == classTenant {
			continue
		}
		secrets := secretColumns(t)
		if t == m.orgs {
			// Whose an Org is stands on its page.
			secrets = slices.DeleteFunc(secrets, func(c string) bool { return c == m.ownerColumn })
		}
		if len(secrets) == 0 {
			m.directory[t.OID] = true
		}
	}
	for oid := range m.directory {
		t := m.cat.byOID[oid]
		if o := m.of(t); o.Class == classTenant {
			m.own[oid] = &ownership{Class: classPlatform, Why: "a directory of public names"}
		}
	}
	m.unprotectedTenants = !m.users.RLS && (m.orgs == nil || !m.orgs.RLS)
}

// secretColumns are the columns that the app role can read and that are not public by nature.
func secretColumns(t *relation) []string {
	var names []string
	for _, c := range t.Columns {
		if c.Select && !slices.Contains(publicNames, normal(c.Name)) {
			names = append(names, c.Name)
		}
	}
	return names
}
