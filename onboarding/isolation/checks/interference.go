package checks

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// judgeDependence reports a function whose answer to an attacker changes when a victim changes
// their own rows: a sum, a date or a count needs no key of a row to tell of it. What a tenant's own
// row in the tables of tenants says, and that an id exists, is public.
func (c *functions) judgeDependence(ctx context.Context, call call) error {
	f := call.function
	if f.Kind != catalog.PlainFunction || f.Returns == "void" || len(f.ArgTypes) == 0 || c.blamed(f) {
		return nil
	}
	for _, t := range c.caller.Tables(f) {
		if c.model.Of(t).Class != tenancy.ClassTenant {
			continue
		}
		rows, _, err := c.prover.OwnRows(ctx, proof.VictimRows{Victim: call.victim, Table: t})
		if err != nil {
			return err
		}
		if rows == 0 {
			continue
		}
		for _, how := range []proof.Changing{proof.Contents, proof.Existence} {
			if how == proof.Existence && f.Returns == "boolean" {
				continue
			}
			depends, err := c.depends(ctx, call, t, how)
			if err != nil && query.SQLState(err) == "" {
				return err
			}
			if depends {
				c.leak(f, call.session, results.Finding{
					Operation: results.Read, Table: t.String(),
					Evidence: fmt.Sprintf("saw the answer change when %s changed rows of their own", call.victim),
				})
				return nil
			}
		}
	}
	return nil
}

// depends reports whether a call's answer changes with a victim's rows of a table.
func (c *functions) depends(
	ctx context.Context, call call, t *catalog.Relation, how proof.Changing,
) (depends bool, err error) {
	c.results.Cover(func(cov *results.Coverage) { cov.Functions++ })
	err = c.attempts.Write(ctx, call.session, func(tx *session.Tx) error {
		var answers [3]string
		for i := range answers {
			if i == len(answers)-1 {
				// Two answers before tell an answer that changes by itself.
				n, err := c.prover.ChangeOwn(ctx, tx, proof.VictimRows{Victim: call.victim, Table: t}, how)
				if err != nil || n == 0 || answers[0] != answers[1] {
					return err
				}
			}
			rows, err := tx.Strings(ctx, callSQL(call))
			if err != nil {
				return err
			}
			answers[i] = strings.Join(rows, "\n")
		}
		depends = answers[1] != answers[2]
		return nil
	})
	return depends, err
}

func callSQL(call call) string {
	return fmt.Sprintf("SELECT to_jsonb(f)::text FROM %s(%s) f LIMIT %d", call.function.SQL(), call.arguments,
		answerRows)
}
