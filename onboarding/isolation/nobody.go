package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// malformed are identities that no platform should have issued.
var malformed = []string{"not-an-id", "0", "-1", "%", "*", "null", "' OR ''='", "00000000-0000-0000-0000-000000000000"}

const unknownUUID = "5eed0000-dead-4bad-8bad-00000000beef"

// nobodies are sessions that belong to no tenant: before login, emptied, malformed, unknown, each alone and claiming an Org.
func (r *run) nobodies() []session {
	list := []session{
		{Label: "nobody, no identity set"},
		{Label: "nobody, identity set to empty", User: ref(""), Org: ref("")},
	}
	for _, v := range malformed {
		list = append(list, session{Label: fmt.Sprintf("malformed identity %q", v), User: ref(v), Org: ref("")})
	}
	unknown := unknownUUID
	if r.m.userType != "uuid" {
		unknown = "2147483600"
	}
	list = append(list, session{Label: "unknown identity " + unknown, User: &unknown, Org: ref("")})
	if r.cfg.Settings.Org == "" {
		return list
	}
	list = append(list, session{Label: "nobody, with the Org set to empty", Org: ref("")}, session{Label: "nobody, with the Org malformed", Org: ref("not-an-id")})
	for _, v := range r.victims {
		if v.Org == "" {
			continue
		}
		list = append(list, session{Label: "nobody claiming Org " + v.Org, Org: ref(v.Org)},
			session{Label: "nobody, identity set to empty, claiming Org " + v.Org, User: ref(""), Org: ref(v.Org)},
			session{Label: "unknown identity claiming Org " + v.Org, User: &unknown, Org: ref(v.Org)})
	}
	return list
}

// checkNobody reads as everyone whom a fixed number of sessions can stand for: nobodies, Persons before their first Org was set, other roles, and
// other settings that policies read. Tables without policies are read here alone, since no identity changes what they show.
func (r *run) checkNobody(ctx context.Context) error {
	sessions := r.nobodies()
	sample := r.sampleSessions()
	sessions = append(sessions, sample...)
	for _, role := range r.roles {
		for _, s := range slices.Concat(sample[:min(2, len(sample))], []session{{Label: "nobody, no identity set"}}) {
			s.Role, s.Label = role, s.Label+" after SET ROLE "+role
			sessions = append(sessions, s)
		}
	}
	sessions = append(sessions, r.settingSessions(sample)...)
	quiet := r.glance(ctx, sessions)
	for i, s := range sessions {
		if quiet[i] {
			continue
		}
		err := r.peek(ctx, s)
		if err != nil && sqlstate(err) == "" && ctx.Err() == nil {
			err = r.peek(ctx, s) // over a new connection
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// peekable lists the tables to read as a session, without those that no identity changes and that such a session has read already.
func (r *run) peekable(s session, peeked map[*relation]string) []*relation {
	return slices.DeleteFunc(slices.Clone(r.tables), func(t *relation) bool {
		return r.m.directory[t.OID] || peeked[t] == s.Role+"." || r.tired[t] >= timeoutPatience || r.known(t, "read") || s.Role == "" && !t.readable() || s.Role != "" && !t.hasRowIDs()
	})
}

// peek reads every table as one session and reports what leaks. Errors of single tables are the policies' own way to refuse somebody who is
// nobody, and left to [run.checkReads] for those who are.
func (r *run) peek(ctx context.Context, s session) error {
	tables := r.peekable(s, r.peeked)
	if err := r.limit(ctx, len(tables)); err != nil {
		return err
	}
	for some := range slices.Chunk(tables, tablesPerStatement) {
		if err := r.peekAt(ctx, s, some); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) peekAt(ctx context.Context, s session, tables []*relation) error {
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	var sees []bool
	err := r.in(ctx, s, true, func(conn *pgx.Conn) error {
		var err error
		if r.peeks[conn] == nil {
			r.peeks[conn] = map[string]string{}
		}
		sees, err = r.seen(ctx, conn, r.peeks[conn], s, tables)
		return err
	})
	switch {
	case err != nil && sqlstate(err) == "":
		return err
	case sqlstate(err) == timedOut && len(tables) > 1:
		// Halves would take the time once more on each level.
		for i := range tables {
			if err := r.peekAt(ctx, s, tables[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	case sqlstate(err) == timedOut:
		if r.tired[tables[0]]++; r.tired[tables[0]] >= timeoutPatience {
			r.leaveOut("%s: took too long to read, and was given up: %s", tables[0], describe(err))
		}
		return nil
	case err != nil && len(tables) > 1:
		if err := r.peekAt(ctx, s, tables[:len(tables)/2]); err != nil {
			return err
		}
		return r.peekAt(ctx, s, tables[len(tables)/2:])
	}
	for i, t := range tables {
		if err == nil {
			r.try(t.String(), "read")
			if !t.RLS && t.hasRowIDs() {
				r.peeked[t] = s.Role + "." // no identity changes what it shows
			}
		}
		denied := sqlstate(err) == "42501" && !strings.Contains(err.Error(), "schema")
		if err == nil && !sees[i] || err != nil && !denied || r.leaks(t.String(), "read") {
			continue
		}
		if err == nil && t.Partition && r.m.certain(t) && r.partitionsLeaking(t) >= samePartitions {
			r.readLeak(ctx, t, s, &proof{Owner: "others", Rows: 1, More: true}, "")
			continue
		}
		condition := r.m.foreign(t, "a", w, attacker)
		if denied {
			condition = "true" // the columns that say whose a row is may be out of reach, and the rest not
		}
		p, err := r.confirmed(ctx, s, t, condition)
		if err != nil && sqlstate(err) == "" {
			return err
		}
		if p != nil {
			r.readLeak(ctx, t, s, p, "")
		}
	}
	return nil
}

// seen asks which of the tables show the session others' rows, by a statement that the connection plans once: names has the statements
// that it knows, by their SQL.
func (r *run) seen(ctx context.Context, conn *pgx.Conn, names map[string]string, s session, tables []*relation) ([]bool, error) {
	// Who looks at the server's activity tells it from the reads as every tenant.
	sql := "/* nobody and a sample */ " + r.m.statementSQL(tables, r.m.prepared())
	name, ready := names[sql]
	if !ready {
		name = fmt.Sprintf("peek_%d", len(names))
		if _, err := conn.PgConn().Prepare(ctx, name, sql, []uint32{r.m.userOID, r.m.orgArray, r.m.userArray}); err != nil {
			return nil, err
		}
		names[sql] = name
	}
	if err := exec(ctx, conn, "SET LOCAL plan_cache_mode = force_generic_plan"); err != nil {
		return nil, err
	}
	return readAnswers(conn.PgConn().ExecPrepared(ctx, name, s.bind(), nil, nil), len(tables))
}

// partitionsLeaking counts partitions beside t that are known to leak reads: once there are some, its own columns are proof enough on the others.
func (r *run) partitionsLeaking(t *relation) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, f := range r.findings {
		if other := r.m.cat.named(f.Table); f.Kind == Leak && f.Operation == "read" && other != nil && other.Partition && other.Parent == t.Parent {
			if n++; n >= samePartitions {
				break
			}
		}
	}
	return n
}

// readLeak reports that a session read another's row.
func (r *run) readLeak(ctx context.Context, t *relation, s session, p *proof, more string) {
	f := Finding{Kind: Leak, Operation: "read", Table: t.String(), As: s.Label, Evidence: "read " + p.String() + more, Fix: r.fence(t, "read")}
	if s.Role != "" {
		f.Fix = r.unbecome(ctx, s.Role)
	}
	if (t == r.m.users || t == r.m.orgs) && !t.RLS {
		if r.m.unprotectedTenants {
			// A platform that protects neither keeps a directory of its tenants on purpose.
			r.m.directory[t.OID] = true
			r.note("%s: every session reads every row (%s): users and orgs are both without row-level security, and count as the platform's directory", t, strings.Join(secretColumns(t), ", "))
			return
		}
		f.Kind, f.Evidence = Risk, f.Evidence+"; the other table of tenants has row-level security, and this one has none: grant the columns that are public alone"
	}
	if len(s.Extra) > 0 {
		r.openers[s.openness()]++
	}
	r.find(f)
}

// kind is the sort of session, without its IDs.
func (s session) kind() string {
	switch {
	case s.Person == nil:
		return "nobody"
	case strings.Contains(s.Label, "which they left"):
		return "former members"
	case strings.Contains(s.Label, "claiming foreign"):
		return "strangers claiming the Org"
	case strings.Contains(s.Label, "acting in"):
		return "members acting in an Org"
	}
	return "Persons"
}
