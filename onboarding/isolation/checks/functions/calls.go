package functions

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
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
