package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// contents are what a function's answers tell of each victim.
type contents map[tenancy.Tenant]string

// judgeDifference is [functions.judgeDependence] for tables whose rows tenants may not change
// themselves, such as invoices: a function reads them for anybody if it answers one thing about
// one tenant and another about the next, nothing about an id that nobody has, and the same to the
// tenant itself.
func (c *functions) judgeDifference(ctx context.Context, call call, answer string, known contents) error {
	f := call.function
	hidden := c.unchangeable(f)
	if f.Kind != catalog.PlainFunction || len(hidden) == 0 || c.blamed(f) || known[call.victim] != "" {
		return nil
	}
	content := c.content(call, answer)
	ofNobody := call
	ofNobody.arguments = c.caller.Nobody(call.arguments, c.caller.IDs(call.victim))
	if content == "" || ofNobody.arguments == "" {
		return nil
	}
	byVictim := call
	var err error
	if byVictim.session, err = c.victims.Own(ctx, call.victim); err != nil {
		return err
	}
	nothing, err := c.answer(ctx, ofNobody)
	if err != nil || c.content(ofNobody, nothing) != "" {
		return err
	}
	if same, err := c.answer(ctx, byVictim); err != nil || same != answer {
		return err
	}
	differs := false
	for _, other := range known {
		differs = differs || other != content
	}
	if !differs {
		known[call.victim] = content
		return nil
	}
	again, err := c.answer(ctx, call)
	if err == nil && again == answer {
		c.leak(call, results.Finding{
			Operation: results.Read, Table: hidden[0].String(),
			Evidence: fmt.Sprintf("read what the function answers %s about their own rows", call.victim),
		})
	}
	return err
}

// unchangeable are the tables and materialized views of tenants' rows that a function names and in
// which no tenant may change or delete a row.
func (c *functions) unchangeable(f *catalog.Function) []*catalog.Relation {
	if f.Returns == "void" || f.Returns == "boolean" || len(f.ArgTypes) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.caller.Named(f)), func(t *catalog.Relation) bool {
		changeable := t.Readable() && (t.Updatable() || t.Deletable())
		return changeable || !t.HasRowIDs() || c.model.Of(t).Class != tenancy.ClassTenant || c.model.PublicRows(t) != ""
	})
}

// answer calls a function once and returns its first answer, or "" where it ends with an error.
func (c *functions) answer(ctx context.Context, call call) (string, error) {
	c.results.CountCall()
	answers, err := c.answers(ctx, call)
	if len(answers) == 0 {
		return "", err
	}
	return answers[0], err
}

// answers calls a function in a transaction of its own. There are none where it ends with an
// error.
func (c *functions) answers(ctx context.Context, call call) (answers []string, err error) {
	err = c.attempts.Write(ctx, call.session, func(tx *session.Tx) error {
		answers, err = call.run(ctx, tx)
		return err
	})
	if err != nil {
		return nil, query.Lost(err)
	}
	return answers, nil
}

// content is what an answer tells of a victim: texts, and numbers other than zero, that are no
// arguments, do not stand in the victim's own row, and are no ids of theirs.
func (c *functions) content(call call, answer string) string {
	known := victims.Given(call.arguments)
	for _, value := range c.canaries.Tenant(call.victim) {
		if value != nil {
			known = append(known, *value)
		}
	}
	known = append(known, c.caller.IDs(call.victim)...)
	var value any
	decoder := json.NewDecoder(strings.NewReader(answer))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return ""
	}
	var found []string
	for _, text := range proof.Leaves(value) {
		if !slices.Contains(known, text) {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return strings.Join(found, "\n")
}
