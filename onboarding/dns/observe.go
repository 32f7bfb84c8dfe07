package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	wire "github.com/miekg/dns"

	"github.com/atlilith/onboardbot/internal/routine"
)

// ErrNoAnswer says that none of a zone's name servers gave a usable answer.
var ErrNoAnswer = errors.New("no usable answer")

// Answer is what one server says about one record set. No records and no problem means that it
// does not exist.
type Answer struct {
	Question
	Records []Record `json:"records,omitempty"` // sorted
	Problem Problem  `json:"problem,omitempty"`
	// Wildcard says that the server made the records from a wildcard: the set is not in the zone.
	Wildcard bool `json:"wildcard,omitempty"`
}

// Server is one name server of the zone with its answers, in the order of the questions.
type Server struct {
	Name    string   `json:"name"`
	Address string   `json:"address"` // host:port that answered last, or was tried last
	Answers []Answer `json:"answers"`
}

// State is what a zone's own name servers say, each for itself.
type State struct {
	Zone    string   `json:"zone"`
	Servers []Server `json:"servers"` // by name
}

// answer finds a server's answer to a question that was asked.
func (s Server) answer(q Question) (Answer, bool) {
	i := slices.IndexFunc(s.Answers, func(a Answer) bool { return a.Question == q })
	if i < 0 {
		return Answer{}, false
	}
	return s.Answers[i], true
}

// Questions returns what must be asked to compare with the records wanted: their sets, and at each
// name whether there is an alias.
func Questions(wanted []Record) []Question {
	var questions []Question
	for _, record := range wanted {
		questions = append(questions, Question{record.Name, record.Type}, Question{record.Name, "CNAME"})
	}
	slices.SortFunc(questions, compareQuestions)
	return slices.Compact(questions)
}

func compareQuestions(a, b Question) int {
	return strings.Compare(a.Name+" "+a.Type, b.Name+" "+b.Type)
}

// Observe asks every name server of the zone that holds the domain, all at once. Names outside the
// zone are refused. A server that does not answer is part of the state and no error; the error
// wraps [ErrNoZone] when no name server is found.
func (r *Resolver) Observe(ctx context.Context, domain string, questions []Question) (State, error) {
	zone, err := r.Zone(ctx, domain)
	if err != nil {
		return State{}, err
	}
	if err := checkQuestions(zone, questions); err != nil {
		return State{}, err
	}
	servers, err := r.authorities(ctx, zone)
	if err != nil {
		return State{}, err
	}
	state := State{Zone: zone, Servers: make([]Server, len(servers))}
	var group routine.Group
	for i, server := range servers {
		group.Go(func() error {
			state.Servers[i] = r.observe(ctx, zone, server, questions)
			return nil
		})
	}
	return state, group.Wait()
}

func checkQuestions(zone string, questions []Question) error {
	for _, q := range questions {
		if !within(q.Name, zone) {
			return fmt.Errorf("%w: %s is not in the zone %s", ErrName, q.Name, zone)
		}
		if _, ok := wire.StringToType[q.Type]; !ok {
			return fmt.Errorf("%w: %s: unknown type %q", ErrRecord, q.Name, q.Type)
		}
	}
	return nil
}

// observe asks one server everything. Once an address has answered, the others are not tried; a
// server that never answers costs one timeout an address, not one a question.
func (r *Resolver) observe(ctx context.Context, zone string, server nameServer, questions []Question) Server {
	seen := Server{Name: server.name}
	for _, address := range server.addresses {
		seen.Address = net.JoinHostPort(address.String(), r.port)
		seen.Answers = r.asker.askAll(ctx, seen.Address, zone, questions)
		if slices.ContainsFunc(seen.Answers, func(a Answer) bool { return a.Problem != Timeout }) {
			return seen
		}
	}
	if len(server.addresses) == 0 {
		for _, q := range questions {
			seen.Answers = append(seen.Answers, Answer{Question: q, Problem: Timeout})
		}
	}
	return seen
}

func (a asker) askAll(ctx context.Context, server, zone string, questions []Question) []Answer {
	answers := make([]Answer, len(questions))
	var group routine.Group
	group.SetLimit(8)
	for i, q := range questions {
		group.Go(func() error {
			answers[i] = Answer{Question: q, Problem: Failed} // should it panic
			answers[i] = a.authoritative(ctx, server, zone, q)
			return nil
		})
	}
	_ = group.Wait() // the functions never fail
	return answers
}

// authoritative asks without recursion and takes only records of the very set that was asked for,
// from a server that answers with authority.
func (a asker) authoritative(ctx context.Context, server, zone string, q Question) Answer {
	answer := Answer{Question: q}
	reply, problem := a.ask(ctx, server, q, false)
	switch {
	case problem != "":
		answer.Problem = problem
		return answer
	case delegated(reply, zone, q):
		answer.Problem = Delegated
		return answer
	case !reply.Authoritative:
		answer.Problem = Lame
		return answer
	}
	for _, rr := range owned(reply, q) {
		record, err := fromWire(rr)
		if err != nil {
			answer.Records, answer.Problem = nil, Malformed
			return answer
		}
		answer.Records = append(answer.Records, record)
	}
	slices.SortFunc(answer.Records, compareRecords)
	answer.Wildcard = len(answer.Records) > 0 && a.synthesised(ctx, server, q)
	return answer
}

// delegated reports whether a reply refers to the servers of a zone below this one (RFC 1034
// §4.3.2, step 3b).
func delegated(reply *wire.Msg, zone string, q Question) bool {
	return !reply.Authoritative && len(reply.Answer) == 0 && slices.ContainsFunc(reply.Ns, func(rr wire.RR) bool {
		owner := rr.Header().Name
		return rr.Header().Rrtype == wire.TypeNS && !strings.EqualFold(owner, wire.Fqdn(zone)) &&
			wire.IsSubDomain(wire.Fqdn(zone), owner) && wire.IsSubDomain(owner, wire.Fqdn(q.Name))
	})
}

// owned returns the records of the very set that was asked for.
func owned(reply *wire.Msg, q Question) []wire.RR {
	return slices.DeleteFunc(slices.Clone(reply.Answer), func(rr wire.RR) bool {
		header := rr.Header()
		return header.Rrtype != wire.StringToType[q.Type] || !strings.EqualFold(header.Name, wire.Fqdn(q.Name))
	})
}

// Addresses returns where the domain's own name servers send a visitor of the name, aliases
// followed: IPv4 first, then IPv6. None and no error means that the name has no address.
func (r *Resolver) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	name, err := Name(name)
	if err != nil {
		return nil, err
	}
	asked := name
	for range 8 { // more aliases than this are a loop
		state, err := r.Observe(ctx, name, []Question{{name, "A"}, {name, "AAAA"}, {name, "CNAME"}})
		if err != nil {
			return nil, err
		}
		// An alias first: beside one that goes in circles a server fails the other questions.
		alias, err := state.usable("CNAME")
		if err != nil {
			return nil, fmt.Errorf("addresses of %s: %w", asked, err)
		}
		if len(alias) > 0 {
			name = strings.TrimSuffix(alias[0].Value, ".")
			continue
		}
		var found []netip.Addr
		for _, kind := range []string{"A", "AAAA"} {
			records, err := state.usable(kind)
			if err != nil {
				return nil, fmt.Errorf("addresses of %s: %w", asked, err)
			}
			for _, record := range records {
				if address, err := netip.ParseAddr(record.Value); err == nil {
					found = append(found, address)
				}
			}
		}
		return found, nil
	}
	return nil, fmt.Errorf("%w: %s is part of a loop of aliases", ErrName, asked)
}

// usable returns the records of a type from the first server that gave a usable answer.
func (s State) usable(kind string) ([]Record, error) {
	var why []string
	for _, server := range s.Servers {
		for _, answer := range server.Answers {
			if answer.Type != kind {
				continue
			}
			if answer.Problem == "" {
				return answer.Records, nil
			}
			why = append(why, server.Name+" "+answer.Problem.Sentence())
		}
	}
	return nil, fmt.Errorf("%w for %s: %s", ErrNoAnswer, s.Zone, strings.Join(why, "; "))
}
