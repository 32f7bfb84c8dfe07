package tenancy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// ErrNoTenants means that no table of Persons was found, so that nothing can be said about whose a row is.
var ErrNoTenants = errors.New("no table of users found: name it in users.table")

var (
	userTables = []string{"users", "user", "people", "persons", "person", "accounts", "profiles", "app_users"}
	orgTables  = []string{"orgs", "org", "organizations", "organisations", "organization", "organisation", "workspaces", "teams", "companies", "agencies"}

	userNames = []string{"userid", "personid", "useruuid", "personuuid", "userref", "user", "person", "ownerid", "owneruserid", "ownerpersonid", "profileid", "accountid", "uid",
		"createdby", "createdbyid", "authorid", "author", "creatorid", "owner"}
	orgNames    = []string{"orgid", "organizationid", "organisationid", "orguuid", "workspaceid", "teamid", "companyid", "agencyid", "org", "organization", "ownerorgid"}
	eitherNames = []string{"tenantid", "tenant", "tenantuuid", "ownerid", "subjectid", "principalid"}

	// looksOwned matches normalised column names that promise a tenant.
	looksOwned = regexp.MustCompile(`^(user|person|org|organi[sz]ation|tenant|account|owner|customer|member|workspace|team|profile|principal|subject)(id|uuid|slug|ref|key)?$`)
)

// vagueNames are those among them that, as the name of a text, promise too little: no value led to a tenant.
var vagueNames = regexp.MustCompile(`^(account|owner|customer|member|team|profile|principal|subject)$`)

// madeBy matches normalised names of columns that say who made or changed a row.
var madeBy = regexp.MustCompile(`^(created|updated|modified|changed|deleted|approved|reviewed|inserted|added|edited|published|verified)by(id|userid|user)?$`)

// discover finds the tenants and whose every relation's rows are.
func Discover(ctx context.Context, q query.Querier, cat *catalog.Catalog, cfg Config) (*Model, error) {
	m := &Model{Cat: cat, own: map[uint32]*Ownership{}, Directory: map[uint32]bool{}}
	if err := m.findTenants(ctx, q, cfg); err != nil {
		return nil, err
	}
	m.own[m.Users.OID] = &Ownership{Class: ClassUsers, Why: "the Persons themselves"}
	if m.Orgs != nil {
		m.own[m.Orgs.OID] = &Ownership{Class: ClassOrgs, Why: "the Orgs themselves"}
	}
	for _, r := range cat.Relations {
		if m.own[r.OID] == nil {
			if o := m.fromColumns(r, cfg); o != nil {
				m.own[r.OID] = o
			}
		}
	}
	m.findMembers(cfg)
	m.followParents(cfg)
	if err := m.followData(ctx, q); err != nil {
		return nil, err
	}
	m.followParents(cfg)
	m.inherit()
	m.markUnclassified(cfg)
	return m, nil
}

func (m *Model) findTenants(ctx context.Context, q query.Querier, cfg Config) error {
	var err error
	if m.Users, err = m.tenants(cfg.Users.Table, "users.table", userTables); err != nil {
		return err
	}
	if m.Users == nil {
		return ErrNoTenants
	}
	if m.Orgs, err = m.tenants(cfg.Orgs.Table, "orgs.table", orgTables); err != nil {
		return err
	}
	if m.UserID, err = identityColumn(m.Users, cfg.Users.ID, "users.id"); err != nil {
		return err
	}
	m.UserType = m.Users.Column(m.UserID).Type
	m.OrgType = "text"
	if m.Orgs != nil {
		if m.OrgID, err = identityColumn(m.Orgs, cfg.Orgs.ID, "orgs.id"); err != nil {
			return err
		}
		m.OrgType = m.Orgs.Column(m.OrgID).Type
		for _, fk := range m.Orgs.ForeignKeys {
			// Who made an Org owns it where policies, or what they ask, say so.
			author := len(fk.Columns) == 1 && madeBy.MatchString(catalog.Normal(fk.Columns[0])) && !m.Cat.AsksFor(fk.Columns[0])
			if fk.Target == m.Users.OID && len(fk.Columns) == 1 && !author && (m.OwnerColumn == "" || strings.Contains(catalog.Normal(fk.Columns[0]), "owner")) {
				m.OwnerColumn = fk.Columns[0]
			}
		}
		for _, c := range m.Orgs.Columns {
			if m.OwnerColumn == "" && c.Type == m.UserType && slices.Contains([]string{"ownerid", "owner", "owneruserid"}, catalog.Normal(c.Name)) {
				m.OwnerColumn = c.Name
			}
		}
	}
	return query.One(ctx, q, "SELECT to_regtype($1)::oid, coalesce(to_regtype($1 || '[]')::oid, 0), coalesce(to_regtype($2 || '[]')::oid, 0)",
		[]any{m.UserType, m.OrgType}, &m.UserOID, &m.UserArray, &m.OrgArray)
}

func (m *Model) tenants(named, key string, names []string) (*catalog.Relation, error) {
	if named != "" {
		r := m.Cat.Named(named)
		if r == nil {
			return nil, fmt.Errorf("%s: no table %s", key, named)
		}
		return r, nil
	}
	for _, name := range names {
		if r := m.Cat.Named("public." + name); r != nil && len(r.Key) == 1 {
			return r, nil
		}
		for _, r := range m.Cat.Relations {
			if strings.EqualFold(r.Name, name) && len(r.Key) == 1 && !r.IsView() {
				return r, nil
			}
		}
	}
	return nil, nil
}

func identityColumn(r *catalog.Relation, named, key string) (string, error) {
	if named != "" {
		if r.Column(named) == nil {
			return "", fmt.Errorf("%s: %s has no column %s", key, r, named)
		}
		return named, nil
	}
	if len(r.Key) != 1 {
		return "", fmt.Errorf("%s: %s has no primary key of one column: name the column", key, r)
	}
	return r.Key[0], nil
}

// fromColumns classifies a relation by what its own columns and foreign keys say.
func (m *Model) fromColumns(r *catalog.Relation, cfg Config) *Ownership {
	if t, ok := cfg.Tables[r.String()]; ok {
		switch {
		case t.Platform:
			return &Ownership{Class: classPlatform, Why: "configured"}
		case t.User != "" || t.Org != "":
			o := &Ownership{Class: ClassTenant, Why: "configured"}
			if t.User != "" {
				o.User = []string{t.User}
			}
			if t.Org != "" {
				o.Org = []string{t.Org}
			}
			return o
		case t.Parent != "":
			if parent := m.Cat.Named(t.ParentTable); parent != nil && len(parent.Key) == 1 {
				return &Ownership{Class: ClassTenant, Why: "configured", Parents: []parentLink{{Columns: []string{t.Parent}, Table: parent, TargetCols: parent.Key}}}
			}
		}
	}
	o := &Ownership{Class: ClassTenant}
	o.User = m.leading(r, m.Users, m.UserID, m.UserType, userNames)
	if m.Orgs != nil {
		o.Org = m.leading(r, m.Orgs, m.OrgID, m.OrgType, orgNames)
		if m.UserType == m.OrgType && len(o.Org) == 0 {
			o.Either = m.either(r)
			o.User = slices.DeleteFunc(o.User, func(c string) bool { return slices.Contains(o.Either, c) })
		}
	}
	if !o.Direct() {
		return nil
	}
	if len(o.Org)+len(o.Either) == 0 && !r.RLS && !slices.ContainsFunc(o.User, func(c string) bool { return !madeBy.MatchString(catalog.Normal(c)) }) {
		// Who entered a lookup does not own it, and who made a draft does.
		return &Ownership{Class: ClassUnclassified, Why: fmt.Sprintf("%s says who made a row, which need not be whose it is", strings.Join(o.User, ", "))}
	}
	o.Why = strings.Join(o.TenantColumns(), ", ")
	return o
}

// leading returns the columns of r that hold tenants of one kind: the one with the canonical name, else all that a foreign key leads
// from, else the best name of the right type.
func (m *Model) leading(r, tenants *catalog.Relation, id, idType string, names []string) []string {
	keyed := map[string]bool{} // has a foreign key, and to these tenants
	for _, fk := range r.ForeignKeys {
		if i := slices.Index(fk.TargetCols, id); fk.Target == tenants.OID && i >= 0 {
			keyed[fk.Columns[i]] = true
		} else {
			for _, c := range fk.Columns {
				if _, seen := keyed[c]; !seen {
					keyed[c] = false
				}
			}
		}
	}
	for _, name := range names[:2] {
		for _, c := range r.Columns {
			if leads, hasKey := keyed[c.Name]; catalog.Normal(c.Name) == name && (c.Type == idType || spells(c)) && (leads || !hasKey) {
				return []string{c.Name}
			}
		}
	}
	var byKey []string
	for _, c := range r.Columns {
		if keyed[c.Name] {
			byKey = append(byKey, c.Name)
		}
	}
	if len(byKey) > 0 {
		// Who owns a row says so; who made it is its author.
		for _, c := range byKey {
			if strings.Contains(catalog.Normal(c), "owner") {
				return []string{c}
			}
		}
		return byKey
	}
	for _, name := range names {
		for _, c := range r.Columns {
			if _, hasKey := keyed[c.Name]; catalog.Normal(c.Name) == name && c.Type == idType && !hasKey && !slices.Contains(r.Key, c.Name) {
				return []string{c.Name}
			}
		}
	}
	return nil
}

// either returns columns that may hold a Person or an Org, beside a column that says which.
func (m *Model) either(r *catalog.Relation) []string {
	for _, c := range r.Columns {
		if !slices.Contains(eitherNames, catalog.Normal(c.Name)) || c.Type != m.UserType {
			continue
		}
		if slices.ContainsFunc(r.ForeignKeys, func(fk catalog.ForeignKey) bool { return slices.Contains(fk.Columns, c.Name) }) {
			continue
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(catalog.Normal(c.Name), "id"), "uuid")
		discriminated := slices.ContainsFunc(r.Columns, func(d *catalog.Column) bool {
			return slices.Contains([]string{stem + "type", stem + "kind"}, catalog.Normal(d.Name))
		})
		if discriminated || strings.HasPrefix(catalog.Normal(c.Name), "tenant") {
			return []string{c.Name}
		}
	}
	return nil
}

// followParents gives relations without tenant columns of their own the owners of the rows that they go with, and notes the parents
// of those that name only a Person.
func (m *Model) followParents(cfg Config) {
	for changed := true; changed; {
		changed = false
		for _, r := range m.Cat.Relations {
			o := m.own[r.OID]
			if o != nil && (o.Class != ClassTenant || o.Why == "configured" || len(o.Org) > 0 || len(o.Either) > 0) {
				continue
			}
			for _, fk := range r.ForeignKeys {
				parent := m.Cat.ByOID[fk.Target]
				po := m.own[parent.OID]
				if parent == r || po == nil || !po.Owned() || (o != nil && (o.linked(fk.Columns) || po.Class != ClassTenant)) {
					continue
				}
				if po.Class == ClassUsers && slices.Contains(fk.TargetCols, m.UserID) {
					continue
				}
				if o == nil {
					o = &Ownership{Class: ClassTenant}
					m.own[r.OID] = o
				}
				o.Parents = append(o.Parents, parentLink{Columns: fk.Columns, Table: parent, TargetCols: fk.TargetCols})
				o.Why = strings.Trim(o.Why+", "+strings.Join(fk.Columns, "+")+" → "+parent.String(), ", ")
				changed = true
			}
		}
	}
}

func (o *Ownership) linked(columns []string) bool {
	return slices.ContainsFunc(o.Parents, func(p parentLink) bool { return slices.Equal(p.Columns, columns) }) ||
		slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(o.User, c) })
}

// inherit gives partitions and children of a table its owners, where they found none by themselves.
func (m *Model) inherit() {
	for range maxDepth {
		for _, r := range m.Cat.Relations {
			parent := m.Cat.ByOID[r.Parent]
			if parent == nil || m.own[parent.OID] == nil {
				continue
			}
			if own := m.own[r.OID]; own == nil || own.Class == classPlatform || r.Partition {
				m.own[r.OID] = m.own[parent.OID]
			}
		}
	}
}

// markUnclassified finds what promises an owner and leads to none.
func (m *Model) markUnclassified(cfg Config) {
	for _, r := range m.Cat.Relations {
		if m.own[r.OID] != nil {
			continue
		}
		for _, c := range r.Columns {
			keyed := slices.ContainsFunc(r.ForeignKeys, func(fk catalog.ForeignKey) bool { return slices.Contains(fk.Columns, c.Name) })
			vague := c.Category == "S" && vagueNames.MatchString(catalog.Normal(c.Name))
			if looksOwned.MatchString(catalog.Normal(c.Name)) && !vague && !keyed && !slices.Contains(r.Key, c.Name) && c.Category != "B" {
				m.own[r.OID] = &Ownership{Class: ClassUnclassified, Why: fmt.Sprintf("column %s leads to no tenant", pgx.Identifier{c.Name}.Sanitize())}
			}
		}
	}
}
