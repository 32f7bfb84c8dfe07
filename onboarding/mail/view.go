package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Resolver asks the name servers of a domain. [*dns.Resolver] is one.
type Resolver interface {
	Observe(ctx context.Context, domain string, questions []dns.Question) (dns.State, error)
}

var _ Resolver = (*dns.Resolver)(nil)

// view is the DNS as it will be after planned records are published. It asks each question once.
type view struct {
	resolver Resolver
	planned  []dns.Record
	seen     map[dns.Question][]dns.Record
}

func newView(resolver Resolver, planned []dns.Record) *view {
	return &view{resolver: resolver, planned: planned, seen: map[dns.Question][]dns.Record{}}
}

// records returns the records of a name and type, with aliases followed. No records is not an
// error.
func (v *view) records(ctx context.Context, name, kind string) ([]dns.Record, error) {
	const maxAliases = 8 // more are a loop
	for range maxAliases {
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

// ask returns what the first server that answers has: records, or an alias.
func (v *view) ask(ctx context.Context, question dns.Question) (found []dns.Record, alias string, err error) {
	cname := dns.Question{Name: question.Name, Type: "CNAME"}
	state, err := v.resolver.Observe(ctx, question.Name, []dns.Question{cname, question})
	if errors.Is(err, dns.ErrNoZone) && ctx.Err() == nil {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s %s: %w", question.Name, question.Type, err)
	}
	reason := "no server answers"
	for _, server := range state.Servers {
		usable := true
		var got []dns.Record
		for _, answer := range server.Answers {
			if answer.Problem != "" {
				usable, reason = false, server.Name+" "+answer.Problem.Sentence()
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
	return nil, "", fmt.Errorf("%s %s: %w: %s", question.Name, question.Type, dns.ErrNoAnswer, reason)
}

// ofSet returns the records of a name and type.
func ofSet(records []dns.Record, q dns.Question) []dns.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r dns.Record) bool {
		return r.Name != q.Name || r.Type != q.Type
	})
}

// spfRecords returns the SPF records.
func spfRecords(records []dns.Record) []dns.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r dns.Record) bool {
		return r.Type != "TXT" || !isSPF(strings.ToLower(r.Text()))
	})
}
