package reading

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/pipeline"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// malformed are identities that no platform should have issued.
var malformed = []string{"not-an-id", "0", "-1", "%", "*", "null", "' OR ''='", "00000000-0000-0000-0000-000000000000"}

// Identities that no tenant has, for both kinds of ids.
const (
	unknownUUID   = "5eed0000-dead-4bad-8bad-00000000beef"
	unknownNumber = "2147483600"
)

// sample reads every table as those for whom a fixed number of sessions is enough: anonymous
// sessions, Persons before their first Org was set, other roles, and other settings that
// policies read. Tables without policies are read here alone, since no identity changes what
// they show.
type sample struct {
	model    *tenancy.Model
	scope    *setup.Scope
	settings session.Settings
	roles    []string
	victims  *victims.Victims
	attempts *session.Attempts
	limiter  *session.Limiter
	prover   *proof.Prover
	leaks    *readLeaks
	results  *results.Collector
	// dialer opens connections to read as many sessions at once.
	dialer      *session.Dialer
	connections int
	// prepared are the statements of each connection.
	prepared map[*pgx.Conn]*pipeline.Prepared
	seen     seenByRole
}

// NewSample returns the check that reads as a fixed number of sessions.
func NewSample(s *setup.Setup) setup.Check {
	return &sample{
		model: s.Model, scope: s.Scope, settings: s.Config.Settings, roles: s.Roles, victims: s.Victims,
		attempts: s.Attempts,
		limiter:  s.Limiter, prover: s.Prover, leaks: newReadLeaks(s), results: s.Results,
		dialer: s.Dialer, connections: s.Config.Budget.Connections,
		prepared: map[*pgx.Conn]*pipeline.Prepared{}, seen: seenByRole{},
	}
}

// seenByRole says which role has read which table without policies: no identity changes what it
// shows.
type seenByRole map[tableRole]bool

type tableRole struct {
	table *catalog.Relation
	role  string
}

// note records the tables without policies that a session has read.
func (s seenByRole) note(as session.Session, tables ...*catalog.Relation) {
	for _, t := range tables {
		if !t.RLS && t.HasRowIDs() {
			s[tableRole{t, as.Role}] = true
		}
	}
}

// tablesFor lists the tables to read as a session: those that it may read, that are no
// directory, leak no reads yet, and whose rows the session's role has not seen already.
func (c *sample) tablesFor(s session.Session, seen seenByRole) []*catalog.Relation {
	return slices.DeleteFunc(slices.Clone(c.scope.Tables), func(t *catalog.Relation) bool {
		return !t.Readable() && s.Role == "" || c.model.IsDirectory(t) || seen[tableRole{t, s.Role}] ||
			c.scope.GivenUp(t) || c.results.Has(t.String(), results.Read)
	})
}

func (c *sample) Run(ctx context.Context) error {
	sessions, err := c.sessions(ctx)
	if err != nil {
		return err
	}
	clean := c.readTogether(ctx, sessions)
	for i, s := range sessions {
		if clean[i] {
			continue
		}
		err := c.readAs(ctx, s)
		if query.Lost(err) != nil && ctx.Err() == nil {
			err = c.readAs(ctx, s) // over a new connection
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *sample) sessions(ctx context.Context) ([]session.Session, error) {
	sample := c.victims.Sample()
	sessions := slices.Concat(c.anonymous(), sample)
	for _, role := range c.roles {
		for _, s := range slices.Concat(sample[:min(2, len(sample))], []session.Session{session.Unset}) {
			sessions = append(sessions, s.As(role))
		}
	}
	for _, v := range c.victims.List() {
		if len(c.roles) == 0 {
			break
		}
		// Whom policies ask for in a role, such as who manages an Org, need not be among the
		// sample.
		inRoles, err := victims.InRoles(ctx, c.victims, v)
		if err != nil {
			return nil, err
		}
		for _, s := range inRoles {
			if !slices.ContainsFunc(sessions, func(k session.Session) bool { return k.Label == s.Label }) {
				sessions = append(sessions, s)
			}
		}
	}
	sessions = append(sessions, c.victims.WithChosenSettings(sample)...)
	return slices.DeleteFunc(sessions, func(s session.Session) bool { return !c.settings.Allows(s) }), nil
}

// anonymous are sessions that belong to no tenant: before login, emptied, malformed, unknown,
// each alone and claiming an Org.
func (c *sample) anonymous() []session.Session {
	list := []session.Session{session.Unset, session.Empty}
	for _, v := range malformed {
		label := fmt.Sprintf("malformed identity %q", v)
		list = append(list, session.Session{Kind: session.Anonymous, Label: label, User: &v, Org: new("")})
	}
	id := unknownUUID
	if c.model.Users.Type != "uuid" {
		id = unknownNumber
	}
	unknown := session.Session{Kind: session.Anonymous, Label: "unknown identity " + id, User: &id, Org: new("")}
	list = append(list, unknown)
	if !c.settings.HasOrg() {
		return list
	}
	list = append(list,
		session.Session{Kind: session.Anonymous, Label: "anonymous, with the Org set to empty", Org: new("")},
		session.Session{Kind: session.Anonymous, Label: "anonymous, with the Org malformed", Org: new("not-an-id")})
	for _, v := range c.victims.List() {
		if v.IsOrg() {
			list = append(list, session.Unset.Claiming(v.ID), session.Empty.Claiming(v.ID), unknown.Claiming(v.ID))
		}
	}
	return list
}

// readAs reads every table as one session and reports what leaks. Errors of single tables are
// the policies' own way to refuse an anonymous session; [reads] records those of tenants.
func (c *sample) readAs(ctx context.Context, s session.Session) error {
	tables := c.tablesFor(s, c.seen)
	if err := c.limiter.Wait(ctx, len(tables)); err != nil {
		return err
	}
	for some := range slices.Chunk(tables, pipeline.TablesPerStatement) {
		if err := c.readTablesAs(ctx, s, some); err != nil {
			return err
		}
	}
	return nil
}

func (c *sample) readTablesAs(ctx context.Context, s session.Session, tables []*catalog.Relation) error {
	var sees []bool
	err := c.attempts.Read(ctx, s, func(tx *session.Tx) error {
		var err error
		sees, err = c.statementsOf(tx).SeesForeign(ctx, tx, tables)
		return err
	})
	switch code := query.SQLState(err); {
	case err != nil && code == "":
		return err
	case err != nil && len(tables) > 1:
		return c.readSingly(ctx, s, tables)
	case code == query.QueryCanceled:
		t := tables[0]
		if c.scope.TimedOut(t) {
			c.results.LeaveOut("%s: took too long to read, and was given up: %s", t, query.Describe(err))
		}
		return nil
	case err != nil:
		return c.judgeDenied(ctx, s, tables[0], err)
	}
	for i, t := range tables {
		c.results.Tried(t.String(), results.Read)
		c.seen.note(s, t)
		if sees[i] {
			if err := c.judge(ctx, s, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *sample) readSingly(ctx context.Context, s session.Session, tables []*catalog.Relation) error {
	for i := range tables {
		if err := c.readTablesAs(ctx, s, tables[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (c *sample) statementsOf(tx *session.Tx) *pipeline.Prepared {
	p := c.prepared[tx.Pgx()]
	if p == nil {
		p = pipeline.NewPrepared(c.model)
		c.prepared[tx.Pgx()] = p
	}
	return p
}

// judge asks the truth about a table of which a session seems to see others' rows.
func (c *sample) judge(ctx context.Context, s session.Session, t *catalog.Relation) error {
	if t.Partition && c.model.Certain(t) && c.leakingPartitions(t) >= setup.SamePartitions {
		// Some partitions beside it leak, so its own columns are proof enough.
		c.leaks.report(ctx, readLeak{session: s, table: t, proof: proof.Others(1, true)})
		return nil
	}
	return c.confirm(ctx, s, t, c.model.Foreign(t, "a", c.model.IdentitySQL(s.Identity), tenancy.Attacker))
}

// judgeDenied compares all that a session sees with the truth where it may not read the columns
// that say whose a row is: it may still read others. Of a view, nothing else can tell.
func (c *sample) judgeDenied(ctx context.Context, s session.Session, t *catalog.Relation, err error) error {
	if query.SQLState(err) != query.InsufficientPrivilege {
		return nil
	}
	if s.Role == "" || t.HasRowIDs() {
		return c.confirm(ctx, s, t, "true")
	}
	var sees bool
	err = c.attempts.Read(ctx, s, func(tx *session.Tx) error {
		return tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+t.SQL()+")").Scan(&sees)
	})
	if sees {
		c.results.LeaveOut("%s: role %s sees rows of it and may not read whose they are", t, s.Role)
	}
	return query.Lost(err)
}

func (c *sample) confirm(ctx context.Context, s session.Session, t *catalog.Relation, condition string) error {
	if c.results.Leaks(t.String(), results.Read) {
		return nil
	}
	found, err := c.prover.Confirm(ctx, s, t, condition)
	if query.Lost(err) != nil {
		return err
	}
	if found != nil {
		c.leaks.report(ctx, readLeak{session: s, table: t, proof: found})
	}
	return nil
}

// leakingPartitions counts partitions beside t that are known to leak reads.
func (c *sample) leakingPartitions(t *catalog.Relation) int {
	n := 0
	for _, f := range c.results.Findings() {
		other := c.model.Catalog.Named(f.Table)
		if f.Kind == results.Leak && f.Operation == results.Read && other != nil && other.Partition &&
			other.Parent == t.Parent {
			if n++; n >= setup.SamePartitions {
				break
			}
		}
	}
	return n
}
