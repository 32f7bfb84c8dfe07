package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// told is what a function told attackers of each victim.
type told map[tenancy.Tenant]string

// judgeTold is [functions.judgeDependence] for tables whose rows tenants may not change themselves, such
// as invoices: a function tells of them if it answers one thing of one tenant and another of the next,
// nothing of an id that nobody has, and the same to the tenant itself.
func (c *functions) judgeTold(ctx context.Context, call call, answer string, told told) error {
	f := call.function
	hidden := c.unchangeable(f)
	if f.Kind != catalog.PlainFunction || len(hidden) == 0 || c.blamed(f) || told[call.victim] != "" {
		return nil
	}
	content := c.content(call, answer)
	unknown := call
	unknown.arguments = c.caller.Nobody(call.arguments, call.victim)
	if content == "" || unknown.arguments == "" {
		return nil
	}
	own := call
	var err error
	if own.session, err = c.victims.Own(ctx, call.victim); err != nil {
		return err
	}
	ofNobody, err := c.answer(ctx, unknown)
	if err != nil || c.content(unknown, ofNobody) != "" {
		return err
	}
	if toThemselves, err := c.answer(ctx, own); err != nil || toThemselves != answer {
		return err
	}
	for _, other := range told {
		if other == content {
			continue
		}
		return c.attempts.Write(ctx, call.session, func(tx *session.Tx) error {
			again, err := call.made(ctx, tx)
			if err == nil && len(again) > 0 && again[0] == answer {
				c.leak(call, results.Finding{
					Operation: results.Read, Table: hidden[0].String(),
					Evidence: fmt.Sprintf("read what the function tells %s of their own rows",
						call.victim),
				})
			}
			return err
		})
	}
	told[call.victim] = content
	return nil
}

// unchangeable are the tables of tenants' rows that a function names and in which no tenant may change
// or delete a row.
func (c *functions) unchangeable(f *catalog.Function) []*catalog.Relation {
	if f.Returns == "void" || f.Returns == "boolean" || len(f.ArgTypes) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.caller.Named(f)), func(t *catalog.Relation) bool {
		changeable := t.Readable() && (t.Updatable() || t.Deletable())
		return changeable || !t.IsTable() || c.model.Of(t).Class != tenancy.ClassTenant || c.model.PublicRows(t) != ""
	})
}

// answer calls a function once and returns its first answer, or "" where it ends with an error.
func (c *functions) answer(ctx context.Context, call call) (answer string, err error) {
	c.results.CountCall()
	err = c.attempts.Write(ctx, call.session, func(tx *session.Tx) error {
		answers, err := call.made(ctx, tx)
		if len(answers) > 0 {
			answer = answers[0]
		}
		return err
	})
	if err != nil {
		answer = ""
	}
	return answer, query.Lost(err)
}

// content is what an answer tells of a victim: texts, and numbers other than zero, that are neither
// given, nor in the victim's own row, nor ids of theirs.
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
	for _, text := range leaves(value) {
		if !slices.Contains(known, text) {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return strings.Join(found, "\n")
}

// leaves are the texts and numbers in a JSON value that are not empty.
func leaves(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			found = append(found, leaves(member)...)
		}
	case []any:
		for _, element := range value {
			found = append(found, leaves(element)...)
		}
	case string:
		if value != "" {
			found = append(found, value)
		}
	case json.Number:
		if n, err := value.Float64(); err == nil && n != 0 {
			found = append(found, value.String())
		}
	}
	return found
}
