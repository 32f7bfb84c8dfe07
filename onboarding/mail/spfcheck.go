package mail

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// Limits that RFC 7208 §4.6.4 sets to whoever evaluates an SPF record.
const (
	MaxLookups     = 10
	MaxVoidLookups = 2
	maxExchangers  = 10 // of one mx mechanism
)

// spfCounter adds up what evaluating an SPF record costs.
type spfCounter struct {
	view     *view
	lookups  int
	void     []string // the terms whose names do not exist
	problems []string // what makes the record invalid
}

// checkSPF says in a sentence what is wrong with a record, or nothing. The error is that DNS could
// not be asked.
func (v *view) checkSPF(ctx context.Context, domain string, record spf) (problem string, err error) {
	c := spfCounter{view: v}
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
		return fmt.Sprintf("The SPF record of %s needs more than %d lookups, so receivers reject it (RFC 7208 "+
			"§4.6.4): %s.",
			domain, MaxLookups, strings.Join(costs, ", ")), nil
	case len(c.problems) > 0:
		return fmt.Sprintf("The SPF record of %s is invalid: %s.", domain, strings.Join(c.problems, "; ")), nil
	case len(c.void) > MaxVoidLookups:
		return fmt.Sprintf("The SPF record of %s names more than %d domains that do not exist, "+
			"so receivers reject it (RFC 7208 §4.6.4): %s.", domain, MaxVoidLookups, strings.Join(c.void, ", ")), nil
	}
	return "", nil
}

// term counts a term of a record with everything that it refers to. It stops above the limit, so a
// loop ends.
func (c *spfCounter) term(ctx context.Context, domain string, record spf, t term) error {
	if c.lookups > MaxLookups {
		return nil
	}
	target := cmp.Or(t.value, domain)
	macro := strings.Contains(target, "%") // its value depends on the mail, so it is only counted
	switch t.name {
	case "include", "redirect":
		if t.name == "redirect" && record.all() >= 0 {
			return nil // RFC 7208 §6.1: ignored
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

// follow counts the record to which a term refers.
func (c *spfCounter) follow(ctx context.Context, target string, t term) error {
	texts, err := c.view.records(ctx, target, "TXT")
	if err != nil {
		return err
	}
	records := spfRecords(texts)
	switch len(records) {
	case 0:
		c.problems = append(c.problems, fmt.Sprintf("%s has no SPF record (%s)", target, t.text))
		return nil
	case 1:
	default:
		c.problems = append(c.problems, fmt.Sprintf("%s has %d SPF records, and one is allowed (%s)", target,
			len(records), t.text))
		return nil
	}
	inner, err := parseSPF(records[0].Text())
	if err != nil {
		c.problems = append(c.problems, fmt.Sprintf("the SPF record of %s has an error: %v", target, err))
		return nil
	}
	for _, t := range inner.terms {
		if err := c.term(ctx, target, inner, t); err != nil {
			return err
		}
	}
	return nil
}

// addresses checks that the names exist for which a term asks.
func (c *spfCounter) addresses(ctx context.Context, target string, t term) error {
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
		c.void = append(c.void, t.text)
	case t.name == "mx" && count > maxExchangers:
		c.problems = append(c.problems, fmt.Sprintf("%s has %d exchangers, and %d are allowed (%s)",
			target, count, maxExchangers, t.text))
	}
	return nil
}
