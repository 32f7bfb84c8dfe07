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
	// errorsCount says that an error is an answer too, as where an argument contains SQL.
	errorsCount bool
	// alike says that several callers got the same answer.
	alike bool
	// temporary are tables in the place of those that the function names, or nil.
	temporary *temporary
}

// plain is the call without temporary tables.
func (call call) plain() call {
	call.temporary = nil
	return call
}

// run calls the function inside a transaction. The call's temporary tables are there only
// meanwhile, so that nobody sees them who looks later in the transaction.
func (call call) run(ctx context.Context, tx *session.Tx) (answers []string, err error) {
	if call.temporary != nil {
		if err := tx.Exec(ctx, call.temporary.create); err != nil {
			return nil, err
		}
	}
	if f := call.function; f.Kind == catalog.Procedure {
		err = tx.Exec(ctx, fmt.Sprintf("CALL %s(%s)", f.SQL(), call.arguments))
	} else {
		answers, err = tx.Strings(ctx, fmt.Sprintf("SELECT to_jsonb(f)::text FROM %s(%s) f LIMIT %d", f.SQL(),
			call.arguments, setup.AnswerRows))
	}
	if err == nil && call.temporary != nil {
		err = tx.Exec(ctx, call.temporary.drop)
	}
	return answers, err
}

// injectors are the one attacker who calls functions with SQL, or none. Against an Org it is
// somebody who acts in an Org of their own: a function may find nothing for anybody else.
func injectors(victim tenancy.Tenant, attackers []session.Session) []session.Session {
	member := slices.IndexFunc(attackers, func(s session.Session) bool { return s.Kind == session.Member })
	if victim.IsOrg() && member >= 0 {
		return attackers[member : member+1]
	}
	return attackers[:min(1, len(attackers))]
}

// outcome is what a call answers or, where errors count, its error.
func (call call) outcome(ctx context.Context, tx *session.Tx) (string, error) {
	if !call.errorsCount {
		rows, err := call.run(ctx, tx)
		return strings.Join(rows, "\n"), err
	}
	if err := tx.Exec(ctx, "SAVEPOINT outcome"); err != nil {
		return "", err
	}
	rows, err := call.run(ctx, tx)
	if state := query.SQLState(err); state != "" {
		return state + " " + query.Message(err), tx.Exec(ctx, "ROLLBACK TO outcome")
	}
	return strings.Join(rows, "\n"), err
}

// dependsOnRows reports whether how a call ended can depend on what rows contain.
func (call call) dependsOnRows(err error) bool {
	return err == nil || call.errorsCount && query.In(err, query.DataException)
}

// judgeError reports a call whose error contains what only another tenant's row does, and is
// another once they change the row. The error of a constraint says no more than that a value is
// taken.
func (c *functions) judgeError(ctx context.Context, call call, failure error) error {
	if query.SQLState(failure) == "" || query.In(failure, query.IntegrityConstraintViolation) {
		return nil
	}
	found := c.canaries.FindIn(query.Message(failure), call.session, call.arguments)
	if found == nil {
		return nil
	}
	call.victim, call.errorsCount = found.Owner, true
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
	if call.temporary != nil {
		given = append(given, call.temporary.given()...)
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
