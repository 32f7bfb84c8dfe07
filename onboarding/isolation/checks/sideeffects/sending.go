package sideeffects

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// calls has victims call functions with texts of theirs, and looks whether a notification contains
// one.
func (c *broadcasts) calls(ctx context.Context) error {
	if !c.model.Catalog.AnySourceMentions("notify", "NOTIFY") {
		return nil
	}
	canaries, err := c.setup.ReadCanaries(ctx)
	if err != nil {
		return err
	}
	caller := victims.NewCaller(c.victims, canaries)
	for _, f := range c.model.Catalog.Functions {
		named := caller.Named(f)
		if !f.Executable || !f.HasSource() || f.ReadOnly() || f.ReturnsTrigger() || len(named) == 0 ||
			c.setup.Irreversible.Function(f) != "" || c.results.Leaks(named[0].String(), results.Listen) ||
			c.setup.Config.Excuses(f) {
			continue
		}
		list := c.victims.List()
		for _, v := range list[:min(broadcastVictims, len(list))] {
			as, err := c.victims.Own(ctx, v)
			if err != nil {
				return err
			}
			found, err := c.tryFunction(ctx, as, f, caller)
			if err != nil {
				return err
			}
			if found {
				break
			}
		}
	}
	return nil
}

// holding is a literal that contains the placeholder.
var holding = regexp.MustCompile("'[^']*" + placeholder + "[^']*'")

// tryFunction has a victim call a function, and reports a leak if the server refuses its
// notification because of a long text.
func (c *broadcasts) tryFunction(
	ctx context.Context, as session.Session, f *catalog.Function, caller *victims.Caller,
) (found bool, err error) {
	lists, err := caller.WithText(ctx, f, as, placeholder)
	if err != nil {
		return false, err
	}
	for _, list := range lists {
		sql := fmt.Sprintf("SELECT %s(%s)", f.SQL(), list)
		if f.Kind == catalog.Procedure {
			sql = fmt.Sprintf("CALL %s(%s)", f.SQL(), list)
		}
		c.results.CountCall()
		notices, err := c.traced(ctx, as, sql)
		if err != nil {
			return false, err
		}
		if !strings.Contains(notices, notifyRoutine+"(") {
			continue
		}
		long := holding.ReplaceAllString(sql,
			fmt.Sprintf("replace($0, %s, repeat('x', %d))", query.Literal(placeholder), tooLong))
		err = c.attempts.Write(ctx, as, func(tx *session.Tx) error { return tx.Exec(ctx, long) })
		if query.Lost(err) != nil {
			return false, err
		}
		if query.Routine(err) != notifyRoutine {
			continue
		}
		c.results.Add(results.Finding{
			Kind: results.Leak, Operation: results.Listen, Table: caller.Named(f)[0].String(), As: results.AnySession,
			Evidence: fmt.Sprintf("may LISTEN to what tenants write: %s sends it by NOTIFY, which refused a long text "+
				"as too long", f),
			Fix: c.fixes.RevokeCall(f), Functions: []string{f.String()},
		})
		return true, nil
	}
	return false, nil
}
