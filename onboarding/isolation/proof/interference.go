package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// Changing is how a victim changes their own rows, to see whether an answer depends on them.
type Changing bool

const (
	// Contents changes what the rows hold and refer to nothing by.
	Contents Changing = true
	// Existence deletes the rows.
	Existence Changing = false
)

// ChangeOwn changes a victim's rows inside an attacker's transaction, with the victim's rights,
// but for those that are public by design or shared with the attacker. It returns how many rows
// changed; none where the victim may not.
func (p *Prover) ChangeOwn(ctx context.Context, tx *session.Tx, of VictimRows, how Changing) (rows int, err error) {
	t := of.Table
	theirs, err := p.ownedBy(ctx, of)
	if err != nil {
		return 0, err
	}
	notShared, err := of.notShared(ctx, p, tx.Session.Identity)
	if err != nil {
		return 0, err
	}
	where := " WHERE " + theirs + " AND " + notShared
	if p.Model.PublicRows(t) != "" {
		where += " AND NOT " + p.Model.Public(t, "a")
	}
	statements := []string{"DELETE FROM " + t.SQL() + " a" + where}
	if how == Contents {
		statements = p.contentChanges(t, where)
	}
	err = p.Victims.Observe(ctx, tx, of.Victim, func() error {
		for _, sql := range statements {
			n, err := tx.Change(ctx, sql)
			if err != nil {
				return err
			}
			rows += n
			if n > 0 && (how == Existence || sql == statements[0]) {
				return nil // the first changes all columns at once
			}
		}
		return nil
	})
	return rows, err
}

// contentChanges are UPDATEs of all columns at once and, as a constraint may hold one of them, of
// each alone.
func (p *Prover) contentChanges(t *catalog.Relation, where string) []string {
	held := slices.Concat(append([][]string{p.Model.Of(t).Columns()}, t.Unique...)...)
	var sets []string
	for _, c := range t.Columns {
		opens := catalog.Names(p.Model.PublicRows(t), c.Name) // or may
		if !c.Update || c.Generated || opens || slices.Contains(held, c.Name) || t.InForeignKey(c.Name) {
			continue
		}
		name := query.Name(c.Name)
		switch c.Category {
		case catalog.Numeric:
			sets = append(sets, fmt.Sprintf("%[1]s = coalesce(%[1]s, 0) + 1", name))
		case catalog.String:
			sets = append(sets, fmt.Sprintf("%[1]s = coalesce(%[1]s, '') || 'x'", name))
		case catalog.Boolean:
			sets = append(sets, fmt.Sprintf("%[1]s = NOT coalesce(%[1]s, false)", name))
		case catalog.DateTime:
			sets = append(sets, fmt.Sprintf("%[1]s = coalesce(%[1]s, now()) + interval '1 day'", name))
		}
	}
	if len(sets) == 0 {
		return nil
	}
	statements := []string{fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), strings.Join(sets, ", "), where)}
	if len(sets) > 1 {
		for _, set := range sets {
			statements = append(statements, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), set, where))
		}
	}
	return statements
}
