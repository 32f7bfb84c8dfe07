package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// malformed are identities that no platform should have issued.
var malformed = []string{"not-an-id", "0", "-1", "%", "*", "null", "' OR ''='", "00000000-0000-0000-0000-000000000000"}

const unknownUUID = "5eed0000-dead-4bad-8bad-00000000beef"

// nobodies are sessions that belong to no tenant: before login, emptied, malformed, unknown, each alone and claiming an Org.
func (r *Run) anonymous() []session.Session {
	list := []session.Session{
		{Label: "nobody, no identity set"},
		{Label: "nobody, identity set to empty", User: query.Ref(""), Org: query.Ref("")},
	}
	for _, v := range malformed {
		list = append(list, session.Session{Label: fmt.Sprintf("malformed identity %q", v), User: query.Ref(v), Org: query.Ref("")})
	}
	unknown := unknownUUID
	if r.m.UserType != "uuid" {
		unknown = "2147483600"
	}
	list = append(list, session.Session{Label: "unknown identity " + unknown, User: &unknown, Org: query.Ref("")})
	if r.cfg.Settings.Org == "" {
		return list
	}
	list = append(list, session.Session{Label: "nobody, with the Org set to empty", Org: query.Ref("")}, session.Session{Label: "nobody, with the Org malformed", Org: query.Ref("not-an-id")})
	for _, v := range r.victims {
		if v.Org == "" {
			continue
		}
		list = append(list, session.Session{Label: "nobody claiming Org " + v.Org, Org: query.Ref(v.Org)},
			session.Session{Label: "nobody, identity set to empty, claiming Org " + v.Org, User: query.Ref(""), Org: query.Ref(v.Org)},
			session.Session{Label: "unknown identity claiming Org " + v.Org, User: &unknown, Org: query.Ref(v.Org)})
	}
	return list
}

// checkNobody reads as everyone whom a fixed number of sessions can stand for: nobodies, Persons before their first Org was set, other roles, and
// other settings that policies read. Tables without policies are read here alone, since no identity changes what they show.
func (r *Run) checkNobody(ctx context.Context) error {
	sessions := r.anonymous()
	sample := r.sampleSessions()
	sessions = append(sessions, sample...)
	for _, role := range r.roles {
		for _, s := range slices.Concat(sample[:min(2, len(sample))], []session.Session{{Label: "nobody, no identity set"}}) {
			s.Role, s.Label = role, s.Label+" after SET ROLE "+role
			sessions = append(sessions, s)
		}
	}
	sessions = append(sessions, r.settingSessions(sample)...)
	quiet := r.batchRead(ctx, sessions)
	for i, s := range sessions {
		if quiet[i] {
			continue
		}
		err := r.readAs(ctx, s)
		if err != nil && query.SQLState(err) == "" && ctx.Err() == nil {
			err = r.readAs(ctx, s) // over a new connection
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// peekable lists the tables to read as a session, without those that no identity changes and that such a session has read already.
func (r *Run) tablesFor(s session.Session, peeked map[*catalog.Relation]string) []*catalog.Relation {
	return slices.DeleteFunc(slices.Clone(r.tables), func(t *catalog.Relation) bool {
		return r.m.Directory[t.OID] || peeked[t] == s.Role+"." || r.tired[t] >= timeoutPatience || r.Has(t.String(), "read") || s.Role == "" && !t.Readable() || s.Role != "" && !t.HasRowIDs()
	})
}

// peek reads every table as one session and reports what leaks. Errors of single tables are the policies' own way to refuse somebody who is
// nobody, and left to [run.CheckReads] for those who are.
func (r *Run) readAs(ctx context.Context, s session.Session) error {
	tables := r.tablesFor(s, r.peeked)
	if err := r.limit(ctx, len(tables)); err != nil {
		return err
	}
	for some := range slices.Chunk(tables, tablesPerStatement) {
		if err := r.readTablesAs(ctx, s, some); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) readTablesAs(ctx context.Context, s session.Session, tables []*catalog.Relation) error {
	w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
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
	case err != nil && query.SQLState(err) == "":
		return err
	case query.SQLState(err) == query.QueryCanceled && len(tables) > 1:
		// Halves would take the time once more on each level.
		for i := range tables {
			if err := r.readTablesAs(ctx, s, tables[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	case query.SQLState(err) == query.QueryCanceled:
		if r.tired[tables[0]]++; r.tired[tables[0]] >= timeoutPatience {
			r.LeaveOut("%s: took too long to read, and was given up: %s", tables[0], query.Describe(err))
		}
		return nil
	case err != nil && len(tables) > 1:
		if err := r.readTablesAs(ctx, s, tables[:len(tables)/2]); err != nil {
			return err
		}
		return r.readTablesAs(ctx, s, tables[len(tables)/2:])
	}
	for i, t := range tables {
		if err == nil {
			r.Tried(t.String(), "read")
			if !t.RLS && t.HasRowIDs() {
				r.peeked[t] = s.Role + "." // no identity changes what it shows
			}
		}
		denied := query.SQLState(err) == "42501" && !strings.Contains(err.Error(), "schema")
		if err == nil && !sees[i] || err != nil && !denied || r.Leaks(t.String(), "read") {
			continue
		}
		if err == nil && t.Partition && r.m.Certain(t) && r.partitionsLeaking(t) >= samePartitions {
			r.readLeak(ctx, t, s, &proof{Owner: "others", Rows: 1, More: true}, "")
			continue
		}
		condition := r.m.Foreign(t, "a", w, tenancy.Attacker)
		if denied {
			condition = "true" // the columns that say whose a row is may be out of reach, and the rest not
		}
		p, err := r.confirmed(ctx, s, t, condition)
		if err != nil && query.SQLState(err) == "" {
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
func (r *Run) seen(ctx context.Context, conn *pgx.Conn, names map[string]string, s session.Session, tables []*catalog.Relation) ([]bool, error) {
	// Who looks at the server's activity tells it from the reads as every tenant.
	sql := "/* nobody and a sample */ " + statementSQL(r.m, tables, prepared(r.m))
	name, ready := names[sql]
	if !ready {
		name = fmt.Sprintf("peek_%d", len(names))
		if _, err := conn.PgConn().Prepare(ctx, name, sql, []uint32{r.m.UserOID, r.m.OrgArray, r.m.UserArray}); err != nil {
			return nil, err
		}
		names[sql] = name
	}
	if err := query.Exec(ctx, conn, "SET LOCAL plan_cache_mode = force_generic_plan"); err != nil {
		return nil, err
	}
	return readAnswers(conn.PgConn().ExecPrepared(ctx, name, bind(s), nil, nil), len(tables))
}

// partitionsLeaking counts partitions beside t that are known to leak reads: once there are some, its own columns are proof enough on the others.
func (r *Run) partitionsLeaking(t *catalog.Relation) int {
	n := 0
	for _, f := range r.List() {
		if other := r.m.Cat.Named(f.Table); f.Kind == results.Leak && f.Operation == "read" && other != nil && other.Partition && other.Parent == t.Parent {
			if n++; n >= samePartitions {
				break
			}
		}
	}
	return n
}

// readLeak reports that a session read another's row.
func (r *Run) readLeak(ctx context.Context, t *catalog.Relation, s session.Session, p *proof, more string) {
	f := results.Finding{Kind: results.Leak, Operation: "read", Table: t.String(), As: s.Label, Evidence: "read " + p.String() + more, Fix: r.fence(t, "read")}
	if s.Role != "" {
		f.Fix = r.unbecome(ctx, s.Role)
	}
	if (t == r.m.Users || t == r.m.Orgs) && !t.RLS {
		if r.m.UnprotectedTenants {
			// A platform that protects neither keeps a directory of its tenants on purpose.
			r.m.Directory[t.OID] = true
			r.Note("%s: every session reads every row (%s): users and orgs are both without row-level security, and count as the platform's directory", t, strings.Join(tenancy.SecretColumns(t), ", "))
			return
		}
		f.Kind, f.Evidence = results.Risk, f.Evidence+"; the other table of tenants has row-level security, and this one has none: grant the columns that are public alone"
	}
	if len(s.Extra) > 0 {
		r.openers[openness(s)]++
	}
	r.Add(f)
}
