package isolation

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

var (
	// endColumn matches names of dates after which a membership is over, or at which it was.
	endColumn = regexp.MustCompile(`^(member|membership)?(left|leave|leaving|leaves|ended|ends|end|exit|exited|departed|removed|deleted|revoked|expires|expired|expiry|valid|active|terminated|deactivated|disabled|` +
		`suspended|banned|blocked|kicked|cancelled|canceled|archived|quit|resigned|withdrawn|withdrew|closed|former|gone|fired|dismissed|released|discharged|finished|stopped|dropped|lapsed|voided|invalidated|unsubscribed|inactive|to|until)(at|on|date|day|time|ts|until|till|to|since|from)?$`)
	startColumn  = regexp.MustCompile(`^(member|membership)?(valid|active)(at|on|date|day|time|ts|since|from)?$`)
	presentFlags = []string{"active", "isactive", "enabled", "isenabled", "present", "ispresent", "current", "iscurrent", "accepted", "approved"}
	formerFlags  = []string{"left", "removed", "isremoved", "deleted", "isdeleted", "hasleft", "isformer", "former", "ended", "hasended", "blocked", "isblocked", "issuspended", "isbanned", "isinactive", "revoked", "isrevoked", "disabled", "isdisabled", "suspended",
		"banned", "inactive", "archived", "isarchived", "pending", "ispending"}
	statusColumns  = []string{"status", "state", "membershipstatus", "memberstatus"}
	acceptColumns  = []string{"acceptedat", "confirmedat"}
	formerStatuses = "'former','left','removed','inactive','revoked','invited','pending','requested','suspended','banned','expired','deactivated','disabled','declined','rejected','ended','deleted','archived','cancelled','terminated','past','ex','lapsed','exited','departed','resigned','quit','gone','kicked','blocked','withdrawn','closed','alumni','previous','old','offboarded'"
	formerRoles    = "'former','removed','left','ex','ex-member','alumni','revoked','none','invited','pending','banned','suspended'"
)

// findMembers finds the table that says who is in which Org, and the condition for being in it still.
func (m *model) findMembers(cfg Config) {
	if m.orgs == nil {
		return
	}
	best := m.likeliest(cfg)
	if best == nil && m.findRosters() {
		return
	}
	if best == nil {
		m.notes = append(m.notes, "no membership table found: only owners count as members of an Org")
		return
	}
	o := m.own[best.OID]
	m.members, m.memberUser, m.memberOrg = best, o.User[0], o.Org[0]
	m.own[best.OID] = &ownership{Class: classMembers, User: o.User[:1], Org: o.Org, Why: "who is in which Org"}
	if m.present = cfg.Membership.Present; m.present == "" {
		m.present = presence(best)
	}
}

// findRosters finds who is in which Org in the columns of users and orgs themselves.
func (m *model) findRosters() bool {
	if home := m.leading(m.users, m.orgs, m.orgID, m.orgType, orgNames); len(home) > 0 {
		m.homeColumn = home[0]
	}
	for _, c := range m.orgs.Columns {
		if c.Type == m.userType+"[]" {
			m.rosterColumn = c.Name
		}
	}
	return m.homeColumn != "" || m.rosterColumn != ""
}

// likeliest is the table that most speaks for being the memberships: by its name, by pairing each Person with each Org at most once, and by
// what policies ask. It is nil if none does, or several do alike.
func (m *model) likeliest(cfg Config) *relation {
	var best *relation
	rank, tie := 0, false
	for _, r := range m.cat.Relations {
		o := m.own[r.OID]
		if o == nil || len(o.User) == 0 || len(o.Org) != 1 || r.isView() || r.Partition {
			continue
		}
		pairs := len(o.User) == 1 && slices.ContainsFunc(r.Unique, func(key []string) bool {
			return len(key) == 2 && slices.Contains(key, o.User[0]) && slices.Contains(key, o.Org[0])
		})
		score := 0
		switch name := normal(r.Name); {
		case r.String() == cfg.Membership.Table:
			score = 99
		case strings.Contains(name, "member"), strings.Contains(name, "affiliat"):
			score = 20
		case strings.Contains(name, singular(m.users.Name)) && strings.Contains(name, singular(m.orgs.Name)):
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

func singular(name string) string { return strings.TrimSuffix(normal(name), "s") }

// asked reports whether another table's policies name r, or a function that does.
func (m *model) asked(r *relation) bool {
	names := m.cat.naming(r)
	return slices.ContainsFunc(m.cat.Relations, func(other *relation) bool {
		return other != r && slices.ContainsFunc(other.Policies, func(p policy) bool { return mentions(p.Using+" "+p.Check, names) })
	})
}

// ends reports whether a date of that normalised name is when a membership is over.
func ends(name string) bool { return endColumn.MatchString(name) && !startColumn.MatchString(name) }

// presence derives the condition for a present member from columns that usually say so.
func presence(r *relation) string {
	conditions := []string{"true"}
	for _, c := range r.Columns {
		name, f := normal(c.Name), field("m", c.Name)
		switch {
		case c.Category == "D" && ends(name):
			conditions = append(conditions, "("+f+" IS NULL OR "+f+" > now())")
		case c.Category == "D" && slices.Contains(acceptColumns, name):
			conditions = append(conditions, f+" IS NOT NULL")
		case c.Category == "B" && slices.Contains(presentFlags, name):
			conditions = append(conditions, f)
		case c.Category == "B" && slices.Contains(formerFlags, name):
			conditions = append(conditions, "NOT coalesce("+f+", false)")
		case (c.Category == "S" || c.Category == "E") && slices.Contains(statusColumns, name):
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
func (m *model) presentAs(alias string) string { return aliasM.ReplaceAllString(m.present, alias+".") }

// rejoin renders assignments that would make a membership a present one again; empty where nothing says that it ended.
func rejoin(r *relation) string {
	var sets []string
	for _, c := range r.Columns {
		name, f := normal(c.Name), pgx.Identifier{c.Name}.Sanitize()
		if !c.Update {
			continue
		}
		switch {
		case c.Category == "D" && ends(name):
			sets = append(sets, f+" = NULL")
		case c.Category == "B" && slices.Contains(presentFlags, name):
			sets = append(sets, f+" = true")
		case c.Category == "B" && slices.Contains(formerFlags, name):
			sets = append(sets, f+" = false")
		case (c.Category == "S" || c.Category == "E") && slices.Contains(statusColumns, name):
			sets = append(sets, f+" = 'active'")
		}
	}
	return strings.Join(sets, ", ")
}

// tryRejoin lets someone who left an Org undo it. Who was only ever invited may accept, so they do not try.
func (r *run) tryRejoin(ctx context.Context, t *relation, to target, s session, out *outcome) error {
	m := r.m
	sets := rejoin(t)
	if t != m.members || s.Person == nil || to.victim.Org == "" || sets == "" || slices.Contains(s.Orgs, to.victim.Org) {
		return nil
	}
	w := m.identity(s.Person, s.Orgs, s.Mates)
	condition := fmt.Sprintf("%s AND %s::text = %s AND NOT %s", m.isUser(t, "a", m.memberUser, w), field("a", m.memberOrg), literal(to.victim.Org), pending(t))
	rows, err := r.rowsMatching(ctx, t, condition, 1)
	if err != nil || len(rows) == 0 {
		return err
	}
	for _, where := range []string{" WHERE " + rows[0].place, ""} {
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			n, err := affected(ctx, conn, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), sets, where))
			if err != nil || n == 0 {
				return err
			}
			out.tried++
			present := fmt.Sprintf("%s AND (%s)", condition, m.presentAs("a"))
			p, err := r.written(ctx, conn, s, to.victim, t, present, placed)
			if p != nil {
				r.writeLeak(ctx, t, "update", s, fmt.Sprintf("made themselves a member of %s again (%s)", to.victim, p.Key), out)
			}
			return err
		})
		if err != nil && !out.judge(err) {
			return err
		}
		if out.proven {
			return nil
		}
	}
	return nil
}

// pending is a condition on a membership (alias a) that was offered and not yet taken.
func pending(r *relation) string {
	conditions := []string{"false"}
	for _, c := range r.Columns {
		name, f := normal(c.Name), field("a", c.Name)
		switch {
		case (c.Category == "S" || c.Category == "E") && slices.Contains(statusColumns, name):
			conditions = append(conditions, "lower("+f+"::text) IN ('invited', 'pending', 'requested')")
		case c.Category == "D" && slices.Contains(acceptColumns, name):
			conditions = append(conditions, f+" IS NULL")
		}
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}
