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
	if err := (telling{c, call, disclosure}).judge(ctx, answers); err != nil || len(f.ArgTypes) == 0 {
		return err // without arguments, it answers for its caller
	}
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

// telling looks for what the answers of a call tell of rows.
type telling struct {
	*functions
	call       call
	disclosure proof.Disclosure
}

// judge reports answers that tell about a row of the victim's without its key, also of one that no
// tenant may change to see whether the answer does.
func (c telling) judge(ctx context.Context, answers []string) error {
	f, document := c.call.function, strings.Join(answers, "\n")
	a := proof.Answer{JSON: document, Given: []string{c.call.arguments, c.model.Catalog.AskedIn(f.Text()).Source}}
	for _, t := range c.caller.Tables(f) {
		of := proof.VictimRows{Victim: c.call.victim, Table: t}
		if len(f.ArgTypes) == 0 {
			of.Victim = tenancy.Tenant{}
		}
		seen := "told " + t.String() + of.Victim.String() + c.call.seen(document)
		if c.disclosing.seen[seen] || len(c.disclosing.seen) == maxDisclosed || c.blamed(f) {
			continue
		}
		c.disclosing.seen[seen] = true
		found, err := c.disclosure.Told(ctx, of, a)
		if found == nil && err == nil {
			found, err = c.byName(ctx, of, a)
		}
		if query.Lost(err) != nil {
			return err
		}
		c.leakRow(c.call, t, found)
	}
	return nil
}

// byName is [proof.Disclosure.Told] for less: what the answer tells is not told to who names
// nobody.
func (c telling) byName(ctx context.Context, of proof.VictimRows, a proof.Answer) (*proof.Proof, error) {
	ofNobody, least := c.call, c.disclosure
	ofNobody.arguments = c.caller.Nobody(c.call.arguments, c.caller.Texts(c.call.victim))
	if ofNobody.arguments == "" {
		return nil, nil
	}
	least.Least = true
	if found, err := least.Told(ctx, of, a); found == nil || err != nil {
		return nil, err
	}
	nothing, err := c.answers(ctx, ofNobody)
	if err != nil {
		return nil, err
	}
	again, err := c.answers(ctx, c.call)
	if err != nil {
		return nil, err
	}
	a.JSON, a.Given = strings.Join(again, "\n"), append(a.Given, nothing...)
	return least.Told(ctx, of, a)
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
		for _, text := range proof.Leaves(value) {
			if strings.Contains(call.arguments, text) {
				parts = append(parts, text)
			}
		}
	}
	slices.Sort(parts[4:])
	return strings.Join(parts, "\n")
}
