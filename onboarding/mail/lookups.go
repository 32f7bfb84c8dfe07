package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// What RFC 7208 §4.6.4 allows whoever checks a record.
const (
	MaxLookups     = 10
	MaxVoidLookups = 2
)

// Resolver asks the name servers of a domain. [*dns.Resolver] is one.
type Resolver interface {
	Observe(ctx context.Context, domain string, questions []dns.Question) (dns.State, error)
}

var _ Resolver = (*dns.Resolver)(nil)

// ConflictError says that what somebody else published is in the way; it is never overwritten.
type ConflictError struct {
	What string // what is in the way, as a sentence
	Fix  string // what a person can do
}

func (e *ConflictError) Error() string { return e.What + " " + e.Fix }

// view is the DNS as it will be: what is about to be published in front of what is.
type view struct {
	resolver Resolver
	planned  []dns.Record
	seen     map[dns.Question][]dns.Record
}

// records returns a set, aliases followed; none is no error.
func (v *view) records(ctx context.Context, name, kind string) ([]dns.Record, error) {
	for range 8 { // more aliases than this are a loop
		canonical, err := dns.Name(name)
		if err != nil {
			return nil, nil // what cannot be a name has no records
		}
		question := dns.Question{Name: canonical, Type: kind}
		if planned := ofSet(v.planned, question); len(planned) > 0 {
			return planned, nil
		}
		if known, ok := v.seen[question]; ok {
			return known, nil
		}
		found, alias, err := v.ask(ctx, question)
		if err != nil {
			return nil, err
		}
		if alias == "" {
			v.seen[question] = found
			return found, nil
		}
		name = alias
	}
	return nil, nil
}

func (v *view) ask(ctx context.Context, question dns.Question) (found []dns.Record, alias string, err error) {
	cname := dns.Question{Name: question.Name, Type: "CNAME"}
	state, err := v.resolver.Observe(ctx, question.Name, []dns.Question{cname, question})
	if errors.Is(err, dns.ErrNoZone) && ctx.Err() == nil {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s %s: %w", question.Name, question.Type, err)
	}
	why := "nobody answers"
	for _, server := range state.Servers {
		usable := true
		var got []dns.Record
		for _, answer := range server.Answers {
			if answer.Problem != "" {
				usable, why = false, server.Name+" "+answer.Problem.Sentence()
			}
			got = append(got, answer.Records...)
		}
		if !usable {
			continue
		}
		if aliases := ofSet(got, cname); len(aliases) > 0 {
			return nil, aliases[0].Value, nil
		}
		return ofSet(got, question), "", nil
	}
	return nil, "", fmt.Errorf("%s %s: %w: %s", question.Name, question.Type, dns.ErrNoAnswer, why)
}

func ofSet(records []dns.Record, q dns.Question) []dns.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r dns.Record) bool { return r.Name != q.Name || r.Type != q.Type })
}

// spfRecords are the policies among the text of a name.
func spfRecords(records []dns.Record) []dns.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r dns.Record) bool { return r.Type != "TXT" || !isSPF(strings.ToLower(r.Text())) })
}

// counter adds up what a record costs.
type counter struct {
	view     *view
	lookups  int
	void     []string // the terms whose names do not exist
	problems []string // what makes the record invalid for everybody
}

// check says what is wrong with a record, or nothing; an error means that nobody knows.
func (v *view) checkSPF(ctx context.Context, domain string, record spf) (problem string, err error) {
	c := counter{view: v}
	var costs []string
	for _, t := range record.terms {
		before := c.lookups
		if err := c.term(ctx, domain, record, t); err != nil {
			return "", fmt.Errorf("SPF of %s: %w", domain, err)
		}
		if cost := c.lookups - before; cost > 0 {
			costs = append(costs, fmt.Sprintf("%s %d", t.text, cost))
		}
	}
	switch {
	case c.lookups > MaxLookups:
		return fmt.Sprintf("The SPF record of %s needs more than %d look-ups, and receivers refuse to make them (RFC 7208 §4.6.4): %s.",
			domain, MaxLookups, strings.Join(costs, ", ")), nil
	case len(c.problems) > 0:
		return fmt.Sprintf("The SPF record of %s is invalid: %s.", domain, strings.Join(c.problems, "; ")), nil
	case len(c.void) > MaxVoidLookups:
		return fmt.Sprintf("The SPF record of %s names more than %d domains that do not exist, and receivers give up (RFC 7208 §4.6.4): %s.",
			domain, MaxVoidLookups, strings.Join(c.void, ", ")), nil
	}
	return "", nil
}

// term follows one term down. It stops soon after there are too many, so that a loop ends.
func (c *counter) term(ctx context.Context, domain string, record spf, t term) error {
	if c.lookups > MaxLookups {
		return nil
	}
	target := t.value
	if target == "" {
		target = domain
	}
	macro := strings.Contains(target, "%") // known only to who checks a mail
	switch t.name {
	case "include", "redirect":
		if t.name == "redirect" && record.all() >= 0 {
			return nil // RFC 7208 §6.1
		}
		c.lookups++
		if macro {
			return nil
		}
		return c.follow(ctx, target, t)
	case "a", "mx", "exists":
		c.lookups++
		if macro {
			return nil
		}
		return c.addresses(ctx, target, t)
	case "ptr":
		c.lookups++
	}
	return nil
}

func (c *counter) follow(ctx context.Context, target string, t term) error {
	texts, err := c.view.records(ctx, target, "TXT")
	if err != nil {
		return err
	}
	records := spfRecords(texts)
	if len(records) != 1 {
		c.problems = append(c.problems, fmt.Sprintf("%s has %d SPF records in place of one (%s)", target, len(records), t.text))
		return nil
	}
	inner, err := parseSPF(records[0].Text())
	if err != nil {
		c.problems = append(c.problems, fmt.Sprintf("that of %s has an error: %v", target, err))
		return nil
	}
	for _, t := range inner.terms {
		if err := c.term(ctx, target, inner, t); err != nil {
			return err
		}
	}
	return nil
}

func (c *counter) addresses(ctx context.Context, target string, t term) error {
	kinds := []string{"A", "AAAA"}
	if t.name == "mx" {
		kinds = []string{"MX"}
	}
	count := 0
	for _, kind := range kinds {
		records, err := c.view.records(ctx, target, kind)
		if err != nil {
			return err
		}
		count += len(records)
	}
	switch {
	case count == 0:
		c.void = append(c.void, fmt.Sprintf("%s of %s", t.text, target))
	case t.name == "mx" && count > 10:
		c.problems = append(c.problems, fmt.Sprintf("%s has %d exchangers, and 10 are allowed (%s)", target, count, t.text))
	}
	return nil
}
