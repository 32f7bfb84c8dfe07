package reading

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// plans has two tenants take turns on one connection with the same prepared statements, as behind
// a pool: a helper that is marked IMMUTABLE becomes a constant of the plan, and one that remembers
// in a setting answers for the tenant before.
type plans struct {
	model   *tenancy.Model
	scope   *setup.Scope
	dialer  *session.Dialer
	sample  []session.Session
	victims *victims.Victims
	prover  *proof.Prover
	fixes   *fixes.Writer
	results *results.Collector
	names   session.Settings
}

// NewPlans returns the check of connections that tenants share.
func NewPlans(s *setup.Setup) setup.Check {
	return &plans{s.Model, s.Scope, s.Dialer, s.Victims.Sample(), s.Victims, s.Prover, s.Fixes, s.Results,
		s.Config.Settings}
}

func (c *plans) Run(ctx context.Context) error {
	tables := slices.DeleteFunc(slices.Clone(c.scope.Tables), func(t *catalog.Relation) bool {
		return !t.IsTable() || !t.RLS || !t.Readable() || c.model.IsDirectory(t) ||
			c.results.Leaks(t.String(), results.Read) || !c.scope.HasRows[t] || proof.Locator(t) == ""
	})
	if len(tables) == 0 {
		return nil
	}
	pairs, err := c.pairs(ctx)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if err := c.takeTurns(ctx, pair, tables); err != nil {
			return err
		}
	}
	return nil
}

// pairs are two Persons, and members of two Orgs, each in either order: the first may have no
// rows.
func (c *plans) pairs(ctx context.Context) ([][2]session.Session, error) {
	var persons, members []session.Session
	for _, v := range c.victims.List() {
		if !v.IsOrg() {
			continue
		}
		s, err := c.victims.Own(ctx, v)
		if err != nil {
			return nil, err
		}
		if s.Identity.Person != nil {
			members = append(members, s)
		}
	}
	for _, s := range c.sample {
		if s.Kind != session.Person || s.Org == nil {
			continue
		}
		known := slices.ContainsFunc(persons, func(k session.Session) bool {
			return *k.Identity.Person == *s.Identity.Person
		})
		if !known {
			persons = append(persons, s)
		}
	}
	var found [][2]session.Session
	const both = 2
	for _, list := range [][]session.Session{persons, members} {
		if len(list) >= both {
			found = append(found, [2]session.Session{list[0], list[1]}, [2]session.Session{list[1], list[0]})
		}
	}
	return found, nil
}

// takeTurns has two tenants read the tables on one connection.
func (c *plans) takeTurns(ctx context.Context, pair [2]session.Session, tables []*catalog.Relation) error {
	tables = slices.DeleteFunc(slices.Clone(tables), func(t *catalog.Relation) bool {
		return c.results.Leaks(t.String(), results.Read)
	})
	conn, err := c.dialer.Open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := query.Exec(ctx, conn.Pgx(), "SET plan_cache_mode = force_generic_plan"); err != nil {
		return err
	}
	err = c.readInTurn(ctx, conn, pair, tables)
	if query.SQLState(err) == "" {
		return err
	}
	for i, t := range tables { // the policies of one refuse a tenant
		if c.results.Leaks(t.String(), results.Read) {
			continue
		}
		err := c.readInTurn(ctx, conn, pair, tables[i:i+1])
		if query.Lost(err) != nil {
			return err
		}
	}
	return nil
}

// readInTurn reports a leak of each table of which the second of two tenants sees the first one's
// rows.
func (c *plans) readInTurn(
	ctx context.Context, conn *session.Conn, pair [2]session.Session, tables []*catalog.Relation,
) error {
	prepare, execute := []string{"DEALLOCATE ALL"}, make([]string, len(tables))
	for i, t := range tables {
		execute[i] = fmt.Sprintf("EXECUTE turn_%d", i)
		prepare = append(prepare, fmt.Sprintf("PREPARE turn_%d AS %s", i, turnSQL(t)))
	}
	if err := query.Exec(ctx, conn.Pgx(), strings.Join(prepare, ";")); err != nil {
		return err
	}
	var places [][]string
	for _, s := range pair {
		err := conn.Keep(ctx, s, func(tx *session.Tx) (err error) {
			places, err = tx.Each(ctx, execute)
			return err
		})
		if err != nil {
			return err
		}
	}
	for i, t := range tables {
		if err := c.judge(ctx, pair, t, places[i]); err != nil {
			return err
		}
	}
	return nil
}

func turnSQL(t *catalog.Relation) string {
	return fmt.Sprintf("SELECT %s FROM %s a LIMIT %d", proof.Locator(t), t.SQL(), setup.AnswerRows)
}

// judge reports a leak if the second of two tenants saw another's rows of a table.
func (c *plans) judge(ctx context.Context, pair [2]session.Session, t *catalog.Relation, places []string) error {
	if len(places) == 0 {
		return nil
	}
	found, err := c.prover.ForeignAmong(ctx, pair[1].Identity, t, places)
	if err != nil || found == nil {
		return err
	}
	functions := c.immutable(t)
	var immutable []string
	for _, f := range functions {
		immutable = append(immutable, f.String())
	}
	how := "; what the policies call remembers the previous tenant"
	if len(immutable) > 0 {
		how = "; " + strings.Join(immutable, ", ") + " is marked IMMUTABLE, so the plan keeps its answer"
	}
	c.results.Add(results.Finding{
		Kind: results.Leak, Operation: results.Read, Table: t.String(),
		As:       pair[1].Label + ", on a connection that " + pair[0].Label + " used before",
		Evidence: "read " + found.String() + " by a prepared statement of the previous tenant" + how,
		Proof:    c.script(t, pair),
		Fix:      c.fixes.Stable(functions), Functions: immutable,
	})
	return nil
}

// script renders the two turns for somebody who has just logged in as the app role.
func (c *plans) script(t *catalog.Relation, pair [2]session.Session) string {
	first := strings.TrimSuffix(pair[0].Script(c.names, "EXECUTE turn"), "ROLLBACK;") + "COMMIT;"
	prepare := "PREPARE turn AS " + turnSQL(t) + ";"
	return strings.Join([]string{"SET plan_cache_mode = force_generic_plan;", prepare, first,
		pair[1].Script(c.names, "EXECUTE turn")}, "\n")
}

// immutable are the functions marked IMMUTABLE that the table's policies may call.
func (c *plans) immutable(t *catalog.Relation) []*catalog.Function {
	var found []*catalog.Function
	for _, f := range c.model.Catalog.Functions {
		if f.Immutable && t.PolicyNames(f.Name) {
			found = append(found, f)
		}
	}
	return found
}
