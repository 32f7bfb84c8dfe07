package dns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	wire "github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"github.com/atlilith/onboardbot/internal/routine"
)

// ErrNoZone says that no zone, or no name server of it, could be found for a domain.
var ErrNoZone = errors.New("no zone found")

// maxServers bounds how many name servers of one zone are asked: the roots have 13.
const maxServers = 13

// ResolverConfig says whom to ask first.
type ResolverConfig struct {
	// Servers are recursive resolvers as host:port, asked in turn only to find a domain's own name
	// servers. Default: those of /etc/resolv.conf.
	Servers []string `yaml:"servers"`
	// Port is where a domain's own name servers are asked. Default 53.
	Port uint16 `yaml:"port"`
	// Timeout is for one question to one server over one protocol. Default 2s.
	Timeout time.Duration `yaml:"timeout"`
}

// Resolver finds a domain's own name servers and asks each of them.
type Resolver struct {
	bootstrap []string
	port      string
	asker     asker
}

// WithDefaults returns the configuration with every default filled in that does not depend on the
// machine.
func (c ResolverConfig) WithDefaults() ResolverConfig {
	c.Port = cmp.Or(c.Port, 53)
	c.Timeout = cmp.Or(c.Timeout, 2*time.Second)
	return c
}

// NewResolver makes a resolver. It sends nothing yet.
func NewResolver(config ResolverConfig) (*Resolver, error) {
	config = config.WithDefaults()
	servers := config.Servers
	if len(servers) == 0 {
		system, err := wire.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, fmt.Errorf("dns: servers: %w", err)
		}
		for _, server := range system.Servers {
			servers = append(servers, net.JoinHostPort(server, system.Port))
		}
	}
	if len(servers) == 0 {
		return nil, errors.New("dns: servers: none given and none in /etc/resolv.conf")
	}
	for _, server := range servers {
		if _, _, err := net.SplitHostPort(server); err != nil {
			return nil, fmt.Errorf("dns: servers: %q is not host:port: %w", server, err)
		}
	}
	if config.Timeout < 0 {
		return nil, fmt.Errorf("dns: timeout: %s is negative", config.Timeout)
	}
	return &Resolver{
		bootstrap: slices.Clone(servers),
		port:      strconv.Itoa(int(config.Port)),
		asker:     asker{timeout: config.Timeout, sign: unsigned},
	}, nil
}

// nameServer is one of a zone's own servers with the addresses to try, IPv4 first.
type nameServer struct {
	name      string
	addresses []netip.Addr
}

// Zone returns the apex of the zone that holds a name, or an error that wraps [ErrNoZone].
func (r *Resolver) Zone(ctx context.Context, name string) (string, error) {
	name, err := Name(name)
	if err != nil {
		return "", err
	}
	var problem Problem
	for candidate := name; ; {
		var reply *wire.Msg
		reply, problem = r.recurse(ctx, Question{candidate, "SOA"})
		if problem == "" {
			for _, rr := range append(slices.Clone(reply.Answer), reply.Ns...) {
				if soa, ok := rr.(*wire.SOA); ok {
					if apex, err := Name(soa.Hdr.Name); err == nil && within(name, apex) && !registry(apex) {
						return apex, nil
					}
				}
			}
		}
		_, parent, ok := strings.Cut(candidate, ".")
		if !ok || registry(parent) {
			break
		}
		candidate = parent
	}
	answer := "knows of none"
	if problem != "" {
		answer = problem.Sentence()
	}
	return "", fmt.Errorf("%w for %s: the resolver %s %s", ErrNoZone, name, strings.Join(r.bootstrap, ", "), answer)
}

// registry reports whether a name is a public suffix, such as com or co.uk, whose zone is never
// changed.
func registry(name string) bool {
	_, err := publicsuffix.EffectiveTLDPlusOne(name)
	return err != nil
}

// authorities finds a zone's own name servers.
func (r *Resolver) authorities(ctx context.Context, zone string) ([]nameServer, error) {
	reply, problem := r.recurse(ctx, Question{zone, "NS"})
	if problem != "" {
		return nil, fmt.Errorf("%w for %s: asked for its name servers, the resolver %s", ErrNoZone, zone,
			problem.Sentence())
	}
	var servers []nameServer
	for _, rr := range append(slices.Clone(reply.Answer), reply.Ns...) {
		ns, ok := rr.(*wire.NS)
		if !ok || !strings.EqualFold(ns.Hdr.Name, wire.Fqdn(zone)) {
			continue
		}
		name, err := Name(ns.Ns)
		if err != nil || slices.ContainsFunc(servers, func(s nameServer) bool { return s.name == name }) {
			continue
		}
		servers = append(servers, nameServer{name: name})
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%w for %s: it has no name servers", ErrNoZone, zone)
	}
	slices.SortFunc(servers, func(a, b nameServer) int { return strings.Compare(a.name, b.name) })
	servers = servers[:min(len(servers), maxServers)]
	var group routine.Group
	for i := range servers {
		group.Go(func() error {
			for _, kind := range []string{"A", "AAAA"} {
				if reply, problem := r.recurse(ctx, Question{servers[i].name, kind}); problem == "" {
					servers[i].addresses = append(servers[i].addresses, addresses(reply.Answer)...)
				}
			}
			return nil
		})
	}
	return servers, group.Wait()
}

// Cached returns the addresses of a name as the configured resolvers give them to visitors behind
// them: IPv4 first, then IPv6. It may be older than what [Resolver.Addresses] returns, or a lie.
func (r *Resolver) Cached(ctx context.Context, name string) ([]netip.Addr, error) {
	name, err := Name(name)
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, kind := range []string{"A", "AAAA"} {
		reply, problem := r.recurse(ctx, Question{name, kind})
		if problem != "" {
			return nil, fmt.Errorf("%w for %s: the resolver %s %s", ErrNoAnswer, name, strings.Join(r.bootstrap, ", "),
				problem.Sentence())
		}
		found = append(found, addresses(reply.Answer)...)
	}
	return found, nil
}

// recurse asks the configured resolvers in turn until one answers.
func (r *Resolver) recurse(ctx context.Context, q Question) (reply *wire.Msg, problem Problem) {
	for _, server := range r.bootstrap {
		if reply, problem = r.asker.ask(ctx, server, q, true); problem == "" {
			return reply, ""
		}
	}
	return nil, problem
}

func addresses(answer []wire.RR) []netip.Addr {
	var found []netip.Addr
	for _, rr := range answer {
		var ip net.IP
		switch rr := rr.(type) {
		case *wire.A:
			ip = rr.A
		case *wire.AAAA:
			ip = rr.AAAA
		}
		if address, ok := netip.AddrFromSlice(ip); ok {
			found = append(found, address.Unmap())
		}
	}
	return found
}
