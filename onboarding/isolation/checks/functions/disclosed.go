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
	if err := c.judgeTold(ctx, call, answers, disclosure); err != nil || len(f.ArgTypes) == 0 {
		return err // without arguments, it answers for its caller
	}
	for _, answer := range answers {
		for _, t := range c.caller.Tables(f) {
			for _, object := range proof.Objects(answer, t) {
				seen := t.String() + call.seen(object)
				if c.disclosing.seen[seen] || len(c.disclosing.seen) == maxDisclosed || c.blamed(f) {
					continue
				}
				c.disclosing.seen[seen] = true
				a := proof.Answer{JSON: object, Given: given}
				found, err := disclosure.Find(ctx, t, a)
				if query.Lost(err) != nil {
					return err
				}
				c.leakRow(call, t, found)
			}
		}
	}
	return nil
}

// judgeTold reports answers that tell about a row of the victim's without its key, also of one
// that no tenant may change to see whether the answer does.
func (c *functions) judgeTold(ctx context.Context, call call, answers []string, d proof.Disclosure) error {
	document := strings.Join(answers, "\n")
	asked := c.model.Catalog.AskedIn(call.function.Text()).Source
	for _, t := range c.caller.Tables(call.function) {
		of := proof.VictimRows{Victim: call.victim, Table: t}
		if len(call.function.ArgTypes) == 0 {
			of.Victim = tenancy.Tenant{}
		}
		seen := "told " + t.String() + of.Victim.String() + call.seen(document)
		if c.disclosing.seen[seen] || len(c.disclosing.seen) == maxDisclosed || c.blamed(call.function) {
			continue
		}
		c.disclosing.seen[seen] = true
		a := proof.Answer{JSON: document, Given: []string{call.arguments, asked}}
		found, err := d.Told(ctx, of, a)
		if found == nil && err == nil {
			found, err = c.toldByName(ctx, call, of, a, d)
		}
		if query.Lost(err) != nil {
			return err
		}
		c.leakRow(call, t, found)
	}
	return nil
}

// toldByName is [proof.Disclosure.Told] for less: what the answer tells is not told to who names nobody.
func (c *functions) toldByName(
	ctx context.Context, call call, of proof.VictimRows, a proof.Answer, d proof.Disclosure,
) (*proof.Proof, error) {
	ofNobody := call
	ofNobody.arguments = c.caller.Nobody(call.arguments, c.caller.Texts(call.victim))
	if ofNobody.arguments == "" {
		return nil, nil
	}
	d.Least = true
	if found, err := d.Told(ctx, of, a); found == nil || err != nil {
		return nil, err
	}
	c.results.CountCall()
	answers, err := c.answers(ctx, ofNobody)
	if err != nil {
		return nil, err
	}
	a.Given = append(a.Given, answers...)
	return d.Told(ctx, of, a)
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
