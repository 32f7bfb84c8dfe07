package isolation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// outcome is what became of attempts of one operation on one table.
type outcome struct {
	proven   bool
	stopped  string // a constraint stopped what policies had let pass
	errors   map[string]int
	tried    int
	timeouts int
}

// checkWrites attempts to insert, move, update, delete and truncate as sessions that have no right to.
func (r *run) checkWrites(ctx context.Context) error {
	for _, t := range r.writable() {
		if r.cfg.Tables[t.String()].SkipWrites {
			r.coverage.Excused = append(r.coverage.Excused, fmt.Sprintf("%s: writes", t))
			continue
		}
		if err := r.writeTo(ctx, t); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.leaveOut("%s: writes: %s", t, describe(err))
		}
	}
	return r.checkCascades(ctx)
}

// samePartitions is how many partitions that look alike are written to: more would tell no more.
const samePartitions = 2

// writable are the tables on which the app role, or a role that it can become, may write.
func (r *run) writable() []*relation {
	alike := map[string]int{}
	return slices.DeleteFunc(slices.Clone(r.tables), func(t *relation) bool {
		if t.Kind == "m" || t.isView() || t.Kind == "f" || !t.Elsewhere && !t.can(canInsert) && !t.can(canUpdate) && !t.Delete && !t.Truncate {
			return true
		}
		if !t.Partition {
			return false
		}
		look := fmt.Sprint(t.Parent, t.RLS, t.Forced, t.Owner, t.Policies, t.can(canInsert), t.can(canUpdate), t.Delete, t.Truncate)
		alike[look]++
		return alike[look] > samePartitions
	})
}

func (r *run) writeTo(ctx context.Context, t *relation) error {
	targets, err := r.targets(ctx, t)
	if err != nil {
		return err
	}
	if len(targets) == 0 && r.coverage.Persons > 0 {
		r.note("%s: nobody has a row there and none could be made up, so writes were not attempted", t)
	}
	attempts := []struct {
		operation string
		allowed   bool
		try       func(context.Context, *relation, target, session, *outcome) error
	}{
		{"insert", t.Elsewhere || t.can(canInsert), r.tryInsert},
		{"update", t.Elsewhere || t.can(canUpdate), r.tryUpdate},
		{"update", t.Elsewhere || t.can(canUpdate), r.tryMove},
		{"update", t.can(canUpdate), r.tryRejoin},
		{"delete", t.Elsewhere || t.Usage && t.Delete, r.tryDelete},
	}
	for _, a := range attempts {
		if !a.allowed {
			continue
		}
		out := &outcome{errors: map[string]int{}}
		tried := map[string]bool{} // further rows of a victim are for who has not tried, who left and may be the author of some, and when a constraint held the first
		for _, target := range targets {
			attackers, err := r.attackersOf(ctx, t, target)
			if err != nil {
				return err
			}
			for _, s := range attackers {
				if out.proven || out.timeouts >= timeoutPatience || r.leaks(t.String(), a.operation) {
					break
				}
				who := target.victim.String() + s.Label
				if tried[who] && !strings.Contains(s.Label, "left") && !(a.operation == "delete" && out.stopped != "") {
					continue
				}
				tried[who] = true
				if err := r.limit(ctx, 1); err != nil {
					return err
				}
				r.coverage.WriteAttempts++
				if err := a.try(ctx, t, target, s, out); err != nil && !out.judge(err) {
					return err
				}
			}
		}
		if out.tried > 0 || out.proven {
			r.try(t.String(), a.operation)
		}
		r.conclude(t, a.operation, out)
	}
	return r.tryTruncate(ctx, t)
}

// attackersOf adds to the attackers on a victim whoever a row itself names.
func (r *run) attackersOf(ctx context.Context, t *relation, target target) ([]session, error) {
	sessions, err := r.attackers(ctx, target.victim)
	if err != nil || target.victim.Org == "" || r.m.of(t).Class == classMembers {
		return sessions, err
	}
	for _, c := range r.m.of(t).User {
		if author := target.values[c]; author != nil && target.place != "" {
			s, err := r.sessionOf(ctx, *author)
			if err == pgx.ErrNoRows || slices.Contains(s.Orgs, target.victim.Org) {
				continue
			}
			if err != nil {
				return nil, err
			}
			s.Label += ", its author but no member of " + target.victim.String()
			sessions = append(sessions, s)
		}
	}
	return sessions, nil
}

// judge sorts an attempt's error: refusals are what should happen. It reports false for errors that end the table's attempts.
func (o *outcome) judge(err error) bool {
	code := sqlstate(err)
	switch {
	case code == "":
		return false
	case code == "42P01" || code == "3F000":
		return false
	case strings.HasPrefix(code, "23"):
		o.tried++
		o.stopped = describe(err)
	case code == "42501", strings.HasPrefix(code, "22"), strings.HasPrefix(code, "P0"), code == "44000", code == "42704", code == "25006":
		o.tried++
	default:
		if code == timedOut {
			o.timeouts++
		}
		o.errors[describe(err)]++
	}
	return true
}

// conclude reports attempts that neither succeeded nor were refused.
func (r *run) conclude(t *relation, operation string, o *outcome) {
	if o.proven || r.leaks(t.String(), operation) {
		return
	}
	for message, n := range o.errors {
		r.leaveOut("%s: %s could not be tried %d times: %s", t, operation, n, message)
	}
}

func (r *run) writeLeak(t *relation, operation string, s session, what string, out *outcome) {
	out.proven = true
	r.find(Finding{Kind: Leak, Operation: operation, Table: t.String(), As: s.Label, Evidence: what, Fix: r.fence(t)})
}

// tryInsert inserts a row that would be the victim's.
func (r *run) tryInsert(ctx context.Context, t *relation, to target, s session, out *outcome) error {
	o := r.m.of(t)
	if o.Class == classUsers || o.Class == classOrgs {
		return nil // signing up and founding are nobody else's
	}
	values := maps.Clone(to.values)
	if (to.victim.Org != "" && len(o.Org) > 0 || o.Class == classMembers) && s.Person != nil {
		for _, c := range o.User {
			values[c] = s.Person // the author of a row that is the Org's
		}
	}
	variants := []map[string]*string{values}
	if o.Class == classMembers {
		// Who was a member once has a row already, and can only let others in.
		for _, other := range r.people() {
			if s.Person == nil || other != *s.Person {
				guest := maps.Clone(values)
				guest[r.m.memberUser] = &other
				variants = append(variants, guest)
			}
		}
	}
	below := len(variants) // those from here on name the attacker below the victim's parent
	if len(o.Parents) > 0 && len(o.User) > 0 && s.Person != nil {
		mine := maps.Clone(values)
		for _, c := range o.User {
			mine[c] = s.Person
		}
		variants = append(variants, mine)
	}
	for i, values := range variants {
		sql, condition := r.insertion(t, values)
		if sql == "" {
			return nil
		}
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			if _, err := affected(ctx, conn, sql); err != nil {
				return err
			}
			out.tried++
			if i >= below {
				return r.landed(ctx, conn, t, condition, to, s, out)
			}
			p, err := r.written(ctx, conn, s, to.victim, t, condition, placed)
			if p != nil {
				r.writeLeak(t, "insert", s, fmt.Sprintf("inserted a row that belongs to %s", p.Owner), out)
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

// landed proves an insert below another's row by what the victim sees: a row that names the attacker, among the victim's own.
func (r *run) landed(ctx context.Context, conn *pgx.Conn, t *relation, condition string, to target, s session, out *outcome) error {
	victim, err := r.eyes(ctx, to.victim)
	if err != nil || condition == "true" {
		return err
	}
	reset := session{User: victim.User, Org: victim.Org}
	if err := exec(ctx, conn, reset.enter(r.cfg.Settings)); err != nil {
		return err
	}
	var seen int
	if err := one(ctx, conn, fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s", t.SQL(), condition), nil, &seen); err != nil {
		return err
	}
	if seen > 0 {
		r.writeLeak(t, "insert", s, fmt.Sprintf("inserted a row below %s's, who sees it among their own", to.victim), out)
	}
	return nil
}

// eyes is a session of the victim's own.
func (r *run) eyes(ctx context.Context, v victim) (session, error) {
	if v.Person != "" {
		return r.sessionOf(ctx, v.Person)
	}
	persons, err := texts(ctx, r.admin, fmt.Sprintf("WITH mem AS (%s) SELECT person::text FROM mem WHERE org::text = %s AND present ORDER BY 1 LIMIT 1", r.m.membersSQL(), literal(v.Org)))
	if err != nil || len(persons) == 0 {
		return session{User: ref(""), Org: ref(v.Org)}, err
	}
	s, err := r.sessionOf(ctx, persons[0])
	s.Org = ref(v.Org)
	return s, err
}

// touchable is a column to update with the value that it has: best one that no key or policy turns on.
func (r *run) touchable(t *relation) *column {
	var worst, best *column
	held := r.m.of(t).tenantColumns()
	for _, key := range t.Unique {
		held = append(held, key...)
	}
	for _, fk := range t.ForeignKeys {
		held = append(held, fk.Columns...)
	}
	for _, c := range t.Columns {
		if !c.Update && !t.Elsewhere || c.Generated {
			continue
		}
		worst = c
		if !slices.Contains(held, c.Name) && (best == nil || best.Category != "S" && c.Category == "S") {
			best = c
		}
	}
	if best != nil {
		return best
	}
	return worst
}

// claims renders assignments that make a row the attacker's own.
func (r *run) claims(t *relation, s session) string {
	o := r.m.of(t)
	if c := t.column(r.m.ownerColumn); s.Person != nil && o.Class == classOrgs && c != nil && c.Update {
		return pgx.Identifier{c.Name}.Sanitize() + " = " + c.literal(s.Person)
	}
	if s.Person == nil || o.Class != classTenant || len(o.User) == 0 {
		return ""
	}
	var sets []string
	for _, name := range o.Org {
		c := t.column(name)
		if c == nil || !c.Update || c.NotNull {
			return ""
		}
		sets = append(sets, pgx.Identifier{name}.Sanitize()+" = NULL")
	}
	for _, name := range o.User {
		c := t.column(name)
		if c == nil || !c.Update {
			return ""
		}
		sets = append(sets, pgx.Identifier{name}.Sanitize()+" = "+c.literal(s.Person))
	}
	return strings.Join(sets, ", ")
}

// tryUpdate changes the victim's row, takes it over, and updates without looking.
func (r *run) tryUpdate(ctx context.Context, t *relation, to target, s session, out *outcome) error {
	c := r.touchable(t)
	if to.place == "" || c == nil {
		return nil
	}
	touch := pgx.Identifier{c.Name}.Sanitize() + " = " + c.literal(to.values[c.Name])
	sets := []string{touch}
	if claims := r.claims(t, s); claims != "" {
		sets = append(sets, claims)
	}
	for i, set := range sets {
		how := "updated"
		if i == 1 {
			how = "took over"
		}
		for _, where := range r.aims(ctx, t, to) {
			err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
				n, err := affected(ctx, conn, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), set, where))
				if err != nil {
					return err
				}
				out.tried++
				return r.reached(ctx, t, "update", how, to, s, n, where == "", out)
			})
			if err != nil && !out.judge(err) {
				return err
			}
			if out.proven {
				return nil
			}
		}
	}
	return nil
}

// aims are the conditions to write with: at the row itself, and at none, since a statement that looks at nothing is held to fewer policies.
func (r *run) aims(ctx context.Context, t *relation, to target) []string {
	aims := []string{" WHERE " + to.place}
	separate := !t.SelectAll || slices.ContainsFunc(t.Policies, func(p policy) bool { return p.Command != "*" })
	if separate && r.small(ctx, t) {
		aims = append(aims, "")
	}
	return aims
}

// small reports whether a table may be written to without WHERE.
func (r *run) small(ctx context.Context, t *relation) bool {
	if small, known := r.smalls[t]; known {
		return small
	}
	var n int
	limit := r.cfg.Budget.BlindWriteRows
	err := one(ctx, r.admin, fmt.Sprintf("SELECT count(*) FROM (SELECT FROM %s LIMIT %d) s", t.SQL(), limit+1), nil, &n)
	r.smalls[t] = err == nil && n <= limit
	return r.smalls[t]
}

// reached proves a write by the rows it reached: the victim's one, or more than the attacker has.
func (r *run) reached(ctx context.Context, t *relation, operation, how string, to target, s session, n int, blind bool, out *outcome) error {
	if n == 0 {
		return nil
	}
	if !blind {
		r.writeLeak(t, operation, s, fmt.Sprintf("%s %s of %s", how, to.key, to.victim), out)
		return nil
	}
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	var own int
	if err := one(ctx, r.admin, fmt.Sprintf("SELECT count(*) FROM %s a WHERE NOT coalesce(%s, false)", t.SQL(), r.m.foreignWrite(t, "a", w, changed)), nil, &own); err != nil {
		return err
	}
	if n > own {
		r.writeLeak(t, operation, s, fmt.Sprintf("%s %d rows of others, such as %s's, by a statement without WHERE", how, n-own, to.victim), out)
	}
	return nil
}

// tryMove gives the attacker's own rows to the victim.
func (r *run) tryMove(ctx context.Context, t *relation, to target, s session, out *outcome) error {
	o := r.m.of(t)
	if s.Person == nil || o.Class != classTenant && o.Class != classMembers {
		return nil
	}
	var sets []string
	for _, name := range o.tenantColumns() {
		c := t.column(name)
		author := to.victim.Org != "" && slices.Contains(o.User, name) && len(o.Org) > 0 // and whom a membership names
		if author {
			continue
		}
		if c == nil || !c.Update || c.NotNull && to.values[name] == nil {
			return nil
		}
		sets = append(sets, pgx.Identifier{name}.Sanitize()+" = "+c.literal(to.values[name]))
	}
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	own, err := r.ownRow(ctx, t, s, w)
	if err != nil {
		return err
	}
	var aims []string
	if own == nil && o.Class == classMembers {
		return nil
	}
	if own != nil {
		aims = append(aims, " WHERE "+own.place)
	}
	if r.small(ctx, t) {
		aims = append(aims, "")
	}
	for _, where := range aims {
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			if own == nil {
				// Something of one's own to move.
				mine, err := r.imagined(ctx, t, victim{Person: *s.Person}, []target{to})
				if err != nil || mine == nil {
					return err
				}
				sql, _ := r.insertion(t, mine)
				if _, err := affected(ctx, conn, sql); err != nil {
					return err
				}
			}
			n, err := affected(ctx, conn, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), strings.Join(sets, ", "), where))
			if err != nil {
				return err
			}
			out.tried++
			if n == 0 {
				return nil
			}
			p, err := r.written(ctx, conn, s, to.victim, t, "true", placed)
			if p != nil {
				r.writeLeak(t, "update", s, fmt.Sprintf("moved a row of their own (%s) to %s", p.Key, p.Owner), out)
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

// ownRow is a row that the session's Person has a right to, with an owner.
func (r *run) ownRow(ctx context.Context, t *relation, s session, w who) (*target, error) {
	key := t.String() + " " + *s.Person
	if row, known := r.ownRows[key]; known {
		return row, nil
	}
	owners := []string{literal("Person " + *s.Person)}
	for _, org := range s.Orgs {
		owners = append(owners, literal("Org "+org))
	}
	condition := fmt.Sprintf("%s IN (%s) AND NOT %s", r.m.owner(t, "a"), strings.Join(owners, ", "), r.m.foreign(t, "a", w, truth))
	if r.m.of(t).Class == classMembers {
		condition = r.m.isUser(t, "a", r.m.memberUser, w)
	}
	rows, err := r.rowsAnyTenant(ctx, t, condition)
	if err != nil {
		return nil, err
	}
	r.ownRows[key] = nil
	if len(rows) > 0 {
		r.ownRows[key] = &rows[0]
	}
	return r.ownRows[key], nil
}

// tryDelete deletes the victim's row, and without looking.
func (r *run) tryDelete(ctx context.Context, t *relation, to target, s session, out *outcome) error {
	if to.place == "" {
		return nil
	}
	for _, where := range r.aims(ctx, t, to) {
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			n, err := affected(ctx, conn, fmt.Sprintf("DELETE FROM %s a%s", t.SQL(), where))
			if err != nil {
				return err
			}
			out.tried++
			return r.reached(ctx, t, "delete", "deleted", to, s, n, where == "", out)
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

// tryTruncate empties the table: TRUNCATE knows no policies.
func (r *run) tryTruncate(ctx context.Context, t *relation) error {
	if !t.Usage || !t.Truncate || r.leaks(t.String(), "truncate") || !r.filled[t] {
		return nil
	}
	s := session{Label: "any session"}
	var err error
	for _, cascade := range []string{"", " CASCADE"} {
		r.coverage.WriteAttempts++
		err = r.in(ctx, s, false, func(conn *pgx.Conn) error {
			return exec(ctx, conn, "TRUNCATE "+t.SQL()+cascade)
		})
		if sqlstate(err) != "0A000" {
			break
		}
	}
	fix := fmt.Sprintf("REVOKE TRUNCATE ON %s FROM %s;", t.SQL(), pgx.Identifier{r.cfg.AppRole}.Sanitize())
	f := Finding{Kind: Leak, Operation: "truncate", Table: t.String(), As: s.Label, Evidence: "emptied the table of every tenant's rows: TRUNCATE is not subject to policies", Fix: fix}
	switch code := sqlstate(err); {
	case err == nil:
	case code == "":
		return err
	default:
		f.Kind, f.Evidence = Risk, "the app role holds TRUNCATE, which is not subject to policies; the attempt ended with "+describe(err)
	}
	r.try(t.String(), "truncate")
	r.find(f)
	return nil
}
