package functions

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// maxDisclosed is how many objects in the answers of one function are compared with the truth.
const maxDisclosed = 500

// disclosing are the objects that the answers of one function contained so far, by who got them.
type disclosing struct {
	function *catalog.Function
	seen     map[string]bool
	// reached are the relations that the answers may come from.
	reached []*catalog.Relation
}

// judgeDisclosed reports answers that contain whole rows of others, none of whose values needs to
// be a canary: the key and the other values tell together whose they are.
func (c *functions) judgeDisclosed(ctx context.Context, call call, answers []string) error {
	f := call.function
	if len(f.ArgTypes) == 0 {
		return nil // it answers for its caller
	}
	if c.disclosing.function != f {
		reached := slices.Clone(c.caller.Tables(f))
		for _, r := range c.model.Catalog.Relations {
			if !slices.Contains(reached, r) && !r.Partition && !r.IsView() && f.Names(r) {
				reached = append(reached, r)
			}
		}
		c.disclosing = disclosing{f, map[string]bool{}, reached}
	}
	given := append(victims.Given(call.arguments), call.arguments, f.Text())
	disclosure := proof.Disclosure{Prover: c.prover, Session: call.session, Reached: c.disclosing.reached}
	for _, answer := range answers {
		for _, t := range c.caller.Tables(f) {
			for _, object := range proof.Objects(answer, t) {
				seen := t.String() + call.seen(object)
				if c.disclosing.seen[seen] || len(c.disclosing.seen) == maxDisclosed ||
					c.results.Discloses(f.String()) {
					continue
				}
				c.disclosing.seen[seen] = true
				a := proof.Answer{JSON: object, Given: given, Changed: !f.ReadOnly()}
				found, err := disclosure.Find(ctx, t, a)
				if query.Lost(err) != nil {
					return err
				}
				c.leakRow(call, t, found)
				if found == nil || f.ReadOnly() {
					continue
				}
				call.victim = tenancy.ParseOwner(found.Owner) // whose row it may have changed, too
				if _, err = c.call(ctx, call); query.Lost(err) != nil {
					return err
				}
			}
		}
	}
	return nil
}

// seen identifies an object by itself, who got it, and which of its values the call contained.
func (call call) seen(object string) string {
	parts := []string{object}
	for _, id := range []*string{call.session.Identity.Person, call.session.User, call.session.Org} {
		if id == nil {
			id = new("")
		}
		parts = append(parts, *id)
	}
	var value any
	if json.Unmarshal([]byte(object), &value) == nil {
		for _, text := range leaves(value) {
			if strings.Contains(call.arguments, text) {
				parts = append(parts, text)
			}
		}
	}
	slices.Sort(parts[4:])
	return strings.Join(parts, "\n")
}
