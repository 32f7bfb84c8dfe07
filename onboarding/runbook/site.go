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
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// site is one domain of a run with everything that the configuration says about it.
type site struct {
	domain    string
	names     []string // the domain and its www.
	target    string   // what ./run calls it
	folder    string   // its deploy folder in the repository
	webroot   string
	conf      string // its nginx configuration
	enabled   string // the symbolic link that enables the configuration
	host      *hosts.Host
	hostName  string
	alias     string // how the host of the repository reaches the VPS
	ipv4      netip.Addr
	ipv6      netip.Addr // not valid if the VPS has none
	email     string     // of the ACME account
	slug      string
	mail      onboarding.Mail
	challenge string // the folder that the file for the certificate authority is put in
}

// addresses are those of the VPS, IPv4 first.
func (s *site) addresses() []netip.Addr {
	if s.ipv6.IsValid() {
		return []netip.Addr{s.ipv4, s.ipv6}
	}
	return []netip.Addr{s.ipv4}
}

// expand replaces the placeholders of a pattern.
func (s *site) expand(pattern string) string {
	return strings.NewReplacer("{domain}", s.domain, "{target}", s.target, "{slug}", s.slug, "{email}", s.email,
		"{forward}", s.mail.Forward).Replace(pattern)
}

func (s *site) expandAll(patterns []string) []string {
	expanded := make([]string, len(patterns))
	for i, pattern := range patterns {
		expanded[i] = s.expand(pattern)
	}
	return expanded
}

// serves returns nil if an nginx configuration serves exactly this site, else what is different.
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
			return fmt.Errorf("line %d: a server for %s instead of %s",
				server.Line, strings.Join(server.ServerNames, " "), strings.Join(s.names, " "))
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

// sites finds the site of a step by the configuration.
type sites struct {
	config settings.Config
	hosts  map[string]*hosts.Host
	repo   *repo.Repo
}

// all returns the site of every domain of a run.
func (f *sites) all(run *onboarding.Run) ([]*site, error) {
	list := make([]*site, len(run.Request.Domains))
	for i, domain := range run.Request.Domains {
		var err error
		if list[i], err = f.site(run, domain); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// of returns the site of the domain of a step.
func (f *sites) of(run *onboarding.Run, key onboarding.Key) (*site, error) {
	i := slices.IndexFunc(run.Request.Domains, func(d onboarding.Domain) bool { return d.Name == key.Domain() })
	if i < 0 {
		return nil, fmt.Errorf("step %s: the run has no such domain", key)
	}
	return f.site(run, run.Request.Domains[i])
}

func (f *sites) site(run *onboarding.Run, domain onboarding.Domain) (*site, error) {
	name := domain.Host
	if name == "" {
		name = f.config.VPS
	}
	host, configured := f.hosts[name], f.config.Hosts[name]
	if host == nil || configured.IPv4 == "" {
		return nil, onboarding.Conflictf("Configure it under hosts, with its ipv4.",
			"%s is to point at %s, which is not a configured VPS.", domain.Name, name)
	}
	s := &site{
		domain: domain.Name, names: domain.Names(), target: strings.TrimSuffix(domain.Name, ".com"),
		slug: run.Request.Slug, mail: domain.Mail, folder: f.repo.Folder(domain.Name),
		host: host, hostName: name, alias: configured.Alias, ipv4: netip.MustParseAddr(configured.IPv4),
	}
	if configured.IPv6 != "" {
		s.ipv6 = netip.MustParseAddr(configured.IPv6)
	}
	s.email = strings.NewReplacer("{email}", run.Request.Email, "{slug}",
		run.Request.Slug).Replace(f.config.Certificate.Email)
	s.webroot = s.expand(f.config.Deploy.Webroot)
	s.conf = s.expand(f.config.Deploy.NginxConf)
	s.enabled = s.expand(f.config.Deploy.NginxEnabled)
	s.challenge = path.Join(s.webroot, f.config.Certificate.Challenge)
	return s, nil
}
