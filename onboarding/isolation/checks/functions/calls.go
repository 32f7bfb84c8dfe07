package functions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// call is one call of a function.
type call struct {
	function  *catalog.Function
	arguments string
	victim    tenancy.Tenant
	session   session.Session
	// fails says that an error is an answer too, as where an argument holds SQL.
	fails bool
	// behind are temporary tables that stand in the place of those that the function names, or nil.
	behind *temporary
}

// made calls a function inside a transaction, by SQL, behind the call's temporary tables if it has
// some: they are gone when the victim looks.
func (call call) made(ctx context.Context, tx *session.Tx) (answers []string, err error) {
	if call.behind != nil {
		if err := tx.Exec(ctx, call.behind.create); err != nil {
			return nil, err
		}
	}
	if f := call.function; f.Kind == catalog.Procedure {
		err = tx.Exec(ctx, fmt.Sprintf("CALL %s(%s)", f.SQL(), call.arguments))
	} else {
		answers, err = tx.Strings(ctx, fmt.Sprintf("SELECT to_jsonb(f)::text FROM %s(%s) f LIMIT %d", f.SQL(),
			call.arguments, setup.AnswerRows))
	}
	if err == nil && call.behind != nil {
		err = tx.Exec(ctx, call.behind.drop)
	}
	return answers, err
}

// injecting is the attacker who calls functions with SQL, or none. Against an Org it is somebody who acts
// in one of theirs: a function may find nothing for anybody else.
func injecting(victim tenancy.Tenant, attackers []session.Session) []session.Session {
	member := slices.IndexFunc(attackers, func(s session.Session) bool { return s.Kind == session.Member })
	if victim.IsOrg() && member >= 0 {
		return attackers[member : member+1]
	}
	return attackers[:min(1, len(attackers))]
}

// outcome is what a call answers, or also how it fails.
func (call call) outcome(ctx context.Context, tx *session.Tx) (string, error) {
	if !call.fails {
		rows, err := call.made(ctx, tx)
		return strings.Join(rows, "\n"), err
	}
	if err := tx.Exec(ctx, "SAVEPOINT outcome"); err != nil {
		return "", err
	}
	rows, err := call.made(ctx, tx)
	if state := query.SQLState(err); state != "" {
		return state + " " + query.Message(err), tx.Exec(ctx, "ROLLBACK TO outcome")
	}
	return strings.Join(rows, "\n"), err
}

// tells reports whether the end of a call can depend on what rows contain.
func (call call) tells(err error) bool {
	return err == nil || call.fails && query.In(err, query.DataException)
}

// judgeError reports a call whose error says what only another tenant's row does, and says something
// else when they change it. What a constraint says is no more than that a value is taken.
func (c *functions) judgeError(ctx context.Context, call call, failure error) error {
	if query.SQLState(failure) == "" || query.In(failure, query.IntegrityConstraintViolation) {
		return nil
	}
	found := c.canaries.FindIn(query.Message(failure), call.session, call.arguments)
	if found == nil {
		return nil
	}
	call.victim, call.fails = found.Owner, true
	for _, how := range []proof.Changing{proof.Contents, proof.Existence} {
		depends, err := c.depends(ctx, call, found.Table, how)
		if query.Lost(err) != nil {
			return err
		}
		if depends {
			c.leak(call, results.Finding{
				Operation: results.Read, Table: found.Table.String(),
				Evidence: fmt.Sprintf("read from %s of %s in an error", found.Key, found.Owner),
			})
			return nil
		}
	}
	return nil
}

// search searches answers for canaries.
func (c *functions) search(call call, answers []string) {
	given := victims.Given(call.arguments)
	if call.behind != nil {
		given = append(given, call.behind.given()...)
	}
	for _, a := range answers {
		if found := c.canaries.Find(a, call.session, given); found != nil {
			c.leak(call, results.Finding{
				Operation: results.Read, Table: found.Table.String(), Evidence: fmt.Sprintf("read from %s of %s",
					found.Key, found.Owner),
			})
		}
	}
}
