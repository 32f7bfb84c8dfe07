package runbook

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// site is one domain of a run with everything that the configuration says about it.
type site struct {
	domain    string
	names     []string // the domain and its www.
	target    string   // what ./run calls it
	folder    string   // its deploy folder in the repository
	webroot   string
	conf      string // nginx's configuration of it
	enabled   string // the link that enables that
	host      *hosts.Host
	hostName  string
	alias     string // how the repository's host reaches it
	ipv4      netip.Addr
	ipv6      netip.Addr // not valid where the VPS has none
	email     string     // of the ACME account
	slug      string
	mail      onboarding.Mail
	challenge string // the folder that the CA's probe file goes to
}

// addresses are where visitors are sent, IPv4 first.
func (s *site) addresses() []netip.Addr {
	if s.ipv6.IsValid() {
		return []netip.Addr{s.ipv4, s.ipv6}
	}
	return []netip.Addr{s.ipv4}
}

// fill puts the site into a pattern.
func (s *site) fill(pattern string) string {
	return strings.NewReplacer("{domain}", s.domain, "{target}", s.target, "{slug}", s.slug, "{email}", s.email, "{forward}", s.mail.Forward).Replace(pattern)
}

func (s *site) fillAll(patterns []string) []string {
	filled := make([]string, len(patterns))
	for i, pattern := range patterns {
		filled[i] = s.fill(pattern)
	}
	return filled
}

// serves says whether nginx's configuration answers for exactly this site.
func (s *site) serves(conf []byte) error {
	servers, err := deployconfig.Servers(conf)
	if err != nil {
		return err
	}
	want := slices.Sorted(slices.Values(s.names))
	rooted := false
	for _, server := range servers {
		names := slices.Sorted(slices.Values(server.ServerNames))
		if !slices.Equal(names, want) {
			return fmt.Errorf("line %d: a server for %s instead of %s", server.Line, strings.Join(server.ServerNames, " "), strings.Join(s.names, " "))
		}
		if server.Root != "" && server.Root != s.webroot {
			return fmt.Errorf("line %d: the root is %s instead of %s", server.Line, server.Root, s.webroot)
		}
		rooted = rooted || server.Root == s.webroot
	}
	if !rooted {
		return fmt.Errorf("no server has the root %s", s.webroot)
	}
	return nil
}

// site finds the domain of a step in its run.
func (b *Runbook) site(run *onboarding.Run, key onboarding.Key) (*site, error) {
	i := slices.IndexFunc(run.Request.Domains, func(d onboarding.Domain) bool { return d.Name == key.Domain() })
	if i < 0 {
		return nil, fmt.Errorf("step %s: the run has no such domain", key)
	}
	domain := run.Request.Domains[i]
	name := domain.Host
	if name == "" {
		name = b.config.VPS
	}
	host, configured := b.hosts[name], b.config.Hosts[name]
	if host == nil || configured.IPv4 == "" {
		return nil, &onboarding.ConflictError{What: fmt.Sprintf("%s is to point at %s, which is not a configured VPS.", domain.Name, name),
			Fix: "Configure it under hosts, with its ipv4."}
	}
	s := &site{domain: domain.Name, names: domain.Names(), target: strings.TrimSuffix(domain.Name, ".com"), slug: run.Request.Slug, mail: domain.Mail,
		folder: b.repo.Folder(domain.Name), host: host, hostName: name, alias: configured.Alias, ipv4: netip.MustParseAddr(configured.IPv4)}
	if configured.IPv6 != "" {
		s.ipv6 = netip.MustParseAddr(configured.IPv6)
	}
	s.email = strings.NewReplacer("{email}", run.Request.Email, "{slug}", run.Request.Slug).Replace(b.config.Certificate.Email)
	s.webroot, s.conf, s.enabled = s.fill(b.config.Deploy.Webroot), s.fill(b.config.Deploy.NginxConf), s.fill(b.config.Deploy.NginxEnabled)
	s.challenge = path.Join(s.webroot, b.config.Certificate.Challenge)
	return s, nil
}
