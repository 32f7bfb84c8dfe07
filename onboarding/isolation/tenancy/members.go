package tenancy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

var (
	// endColumn matches names of dates after which a membership is over, or at which it was.
	endColumn = regexp.MustCompile(`^(member|membership)?(left|leave|leaving|leaves|ended|ends|end|exit|exited|departed|removed|deleted|revoked|expires|expired|expiry|valid|active|terminated|deactivated|disabled|` +
		`suspended|banned|blocked|kicked|cancelled|canceled|archived|quit|resigned|withdrawn|withdrew|closed|former|gone|fired|dismissed|released|discharged|finished|stopped|dropped|lapsed|voided|invalidated|unsubscribed|inactive|to|until)(at|on|date|day|time|ts|until|till|to|since|from)?$`)
	startColumn  = regexp.MustCompile(`^(member|membership)?(valid|active)(at|on|date|day|time|ts|since|from)?$`)
	PresentFlags = []string{"active", "isactive", "enabled", "isenabled", "present", "ispresent", "current", "iscurrent", "accepted", "approved"}
	FormerFlags  = []string{"left", "removed", "isremoved", "deleted", "isdeleted", "hasleft", "isformer", "former", "ended", "hasended", "blocked", "isblocked", "issuspended", "isbanned", "isinactive", "revoked", "isrevoked", "disabled", "isdisabled", "suspended",
		"banned", "inactive", "archived", "isarchived", "pending", "ispending"}
	StatusColumns  = []string{"status", "state", "membershipstatus", "memberstatus"}
	AcceptColumns  = []string{"acceptedat", "confirmedat"}
	formerStatuses = "'former','left','removed','inactive','revoked','invited','pending','requested','suspended','banned','expired','deactivated','disabled','declined','rejected','ended','deleted','archived','cancelled','terminated','past','ex','lapsed','exited','departed','resigned','quit','gone','kicked','blocked','withdrawn','closed','alumni','previous','old','offboarded'"
	formerRoles    = "'former','removed','left','ex','ex-member','alumni','revoked','none','invited','pending','banned','suspended'"
)

// findMembers finds the table that says who is in which Org, and the condition for being in it still.
func (m *Model) findMembers(cfg Config) {
	if m.Orgs == nil {
		return
	}
	best := m.likeliest(cfg)
	if best == nil && m.findRosters() {
		return
	}
	if best == nil {
		m.Notes = append(m.Notes, "no membership table found: only owners count as members of an Org")
		return
	}
	o := m.own[best.OID]
	m.Members, m.MemberUser, m.MemberOrg = best, o.User[0], o.Org[0]
	m.own[best.OID] = &Ownership{Class: ClassMembers, User: o.User[:1], Org: o.Org, Why: "who is in which Org"}
	if m.present = cfg.Membership.Present; m.present == "" {
		m.present = presence(best)
	}
}

// findRosters finds who is in which Org in the columns of users and orgs themselves.
func (m *Model) findRosters() bool {
	if home := m.leading(m.Users, m.Orgs, m.OrgID, m.OrgType, orgNames); len(home) > 0 {
		m.HomeColumn = home[0]
	}
	for _, c := range m.Orgs.Columns {
		if c.Type == m.UserType+"[]" {
			m.rosterColumn = c.Name
		}
	}
	return m.HomeColumn != "" || m.rosterColumn != ""
}

// likeliest is the table that most speaks for being the memberships: by its name, by pairing each Person with each Org at most once, and by
// what policies ask. It is nil if none does, or several do alike.
func (m *Model) likeliest(cfg Config) *catalog.Relation {
	var best *catalog.Relation
	rank, tie := 0, false
	for _, r := range m.Cat.Relations {
		o := m.own[r.OID]
		if o == nil || len(o.User) == 0 || len(o.Org) != 1 || r.IsView() || r.Partition {
			continue
		}
		pairs := len(o.User) == 1 && slices.ContainsFunc(r.Unique, func(key []string) bool {
			return len(key) == 2 && slices.Contains(key, o.User[0]) && slices.Contains(key, o.Org[0])
		})
		score := 0
		switch name := catalog.Normal(r.Name); {
		case r.String() == cfg.Membership.Table:
			score = 99
		case strings.Contains(name, "member"), strings.Contains(name, "affiliat"):
			score = 20
		case strings.Contains(name, catalog.Singular(m.Users.Name)) && strings.Contains(name, catalog.Singular(m.Orgs.Name)):
			score = 10
		case !pairs:
			continue
		}
		if pairs {
			score += 8
		}
		if score < 99 && m.asked(r) {
			score += 5
		}
		if score > rank {
			best, rank, tie = r, score, false
		} else if score == rank {
			tie = rank < 20
		}
	}
	if tie {
		return nil
	}
	return best
}

// asked reports whether another table's policies name r, or a function that does.
func (m *Model) asked(r *catalog.Relation) bool {
	names := m.Cat.Naming(r)
	return slices.ContainsFunc(m.Cat.Relations, func(other *catalog.Relation) bool {
		return other != r && slices.ContainsFunc(other.Policies, func(p catalog.Policy) bool { return catalog.Mentions(p.Using+" "+p.Check, names) })
	})
}

// ends reports whether a date of that normalised name is when a membership is over.
func Ends(name string) bool { return endColumn.MatchString(name) && !startColumn.MatchString(name) }

// presence derives the condition for a present member from columns that usually say so.
func presence(r *catalog.Relation) string {
	conditions := []string{"true"}
	for _, c := range r.Columns {
		name, f := catalog.Normal(c.Name), query.Column("m", c.Name)
		switch {
		case c.Category == "D" && Ends(name):
			conditions = append(conditions, "("+f+" IS NULL OR "+f+" > now())")
		case c.Category == "D" && slices.Contains(AcceptColumns, name):
			conditions = append(conditions, f+" IS NOT NULL")
		case c.Category == "B" && slices.Contains(PresentFlags, name):
			conditions = append(conditions, f)
		case c.Category == "B" && slices.Contains(FormerFlags, name):
			conditions = append(conditions, "NOT coalesce("+f+", false)")
		case (c.Category == "S" || c.Category == "E") && slices.Contains(StatusColumns, name):
			conditions = append(conditions, "coalesce(lower("+f+"::text), '') NOT IN ("+formerStatuses+")")
		case (c.Category == "S" || c.Category == "E") && name == "role":
			conditions = append(conditions, "coalesce(lower("+f+"::text), '') NOT IN ("+formerRoles+")")
		case c.Type == "tstzrange":
			conditions = append(conditions, f+" @> now()")
		case c.Type == "daterange":
			conditions = append(conditions, f+" @> current_date")
		}
	}
	return strings.Join(conditions, " AND ")
}

var aliasM = regexp.MustCompile(`\bm\.`)

// presentAs is the condition for a present member under another alias.
func (m *Model) PresentAs(alias string) string { return aliasM.ReplaceAllString(m.present, alias+".") }
