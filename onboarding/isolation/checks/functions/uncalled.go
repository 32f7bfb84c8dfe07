package functions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// ends are how the calls of one function ended.
type ends struct {
	// answered says that a call was answered, and refused that the function itself may have
	// refused one, unless a value was none of its argument's type.
	answered, refused bool
	// states are the SQLSTATEs of the calls that failed.
	states []string
}

func (e *ends) note(err error) {
	state := query.SQLState(err)
	switch {
	case err == nil:
		e.answered = true
		return
	case state == query.InsufficientPrivilege, query.Raised(err),
		query.In(err, query.DataException, query.IntegrityConstraintViolation):
		e.refused = true
	}
	if !slices.Contains(e.states, state) {
		e.states = append(e.states, state)
	}
}

// uncalled returns why no call of a function reached its body, or "": an argument for which there
// is no value, or whose type refuses each of them, or else how the calls ended.
func (c *functions) uncalled(ctx context.Context, f *catalog.Function, ends ends) (string, error) {
	made, refusals, names := make([]bool, len(f.ArgTypes)), make([]string, len(f.ArgTypes)), []string{}
	for _, v := range c.victims.List() {
		names = names[:0]
		for i, a := range c.caller.Arguments(f, v) {
			names = append(names, a.What)
			made[i] = made[i] || ends.answered && len(a.Values) > 0
			for _, value := range a.Values {
				if made[i] {
					break
				}
				err := c.attempts.Read(ctx, session.Unset, func(tx *session.Tx) error {
					return tx.Exec(ctx, "SELECT "+value)
				})
				if query.Lost(err) != nil {
					return "", err
				}
				made[i], refusals[i] = err == nil, query.SQLState(err)
			}
		}
	}
	for i, name := range names {
		switch {
		case made[i]:
		case refusals[i] == "":
			return "no value could be made for " + name, nil
		default:
			return fmt.Sprintf("%s refused every value (SQLSTATE %s)", name, refusals[i]), nil
		}
	}
	switch {
	case ends.answered || ends.refused:
		return "", nil
	case len(ends.states) == 0:
		return "there is no session to call it against another tenant with", nil
	}
	return fmt.Sprintf("every call ended with SQLSTATE %s", strings.Join(ends.states, ", ")), nil
}
