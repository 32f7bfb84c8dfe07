package site

import (
	"cmp"
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

// Site is one domain of a run with everything that the configuration says about it.
type Site struct {
	Domain    string
	Names     []string // the domain and its www.
	Target    string   // what ./run calls it
	Folder    string   // its deploy folder in the repository
	Webroot   string
	Conf      string // its nginx configuration
	Enabled   string // the symbolic link that enables the configuration
	Host      *hosts.Host
	HostName  string
	Alias     string // how the host of the repository reaches the VPS
	IPv4      netip.Addr
	IPv6      netip.Addr // not valid if the VPS has none
	Email     string     // of the ACME account
	Slug      string
	Mail      onboarding.Mail
	Challenge string // the folder that the file for the certificate authority is put in
}

// Addresses are those of the VPS, IPv4 first.
func (s *Site) Addresses() []netip.Addr {
	if s.IPv6.IsValid() {
		return []netip.Addr{s.IPv4, s.IPv6}
	}
	return []netip.Addr{s.IPv4}
}

// Expand replaces the placeholders of a pattern.
func (s *Site) Expand(pattern string) string {
	return strings.NewReplacer("{domain}", s.Domain, "{target}", s.Target, "{slug}", s.Slug, "{email}", s.Email,
		"{forward}", s.Mail.Forward).Replace(pattern)
}

// ExpandAll replaces the placeholders of patterns.
func (s *Site) ExpandAll(patterns []string) []string {
	expanded := make([]string, len(patterns))
	for i, pattern := range patterns {
		expanded[i] = s.Expand(pattern)
	}
	return expanded
}

// Serves returns nil if an nginx configuration serves exactly this site, else what is different.
// Each server may answer to one of its names alone, as where one redirects to the other.
func (s *Site) Serves(conf []byte) error {
	servers, err := deployconfig.Servers(conf)
	if err != nil {
		return err
	}
	rooted := false
	missing := slices.Clone(s.Names)
	for _, server := range servers {
		missing = slices.DeleteFunc(missing,
			func(name string) bool { return slices.Contains(server.ServerNames, name) })
		other := slices.ContainsFunc(server.ServerNames,
			func(name string) bool { return !slices.Contains(s.Names, name) })
		if other || len(server.ServerNames) == 0 {
			return fmt.Errorf("line %d: a server for %s instead of %s",
				server.Line, strings.Join(server.ServerNames, " "), strings.Join(s.Names, " "))
		}
		if server.Root != "" && server.Root != s.Webroot {
			return fmt.Errorf("line %d: the root is %s instead of %s", server.Line, server.Root, s.Webroot)
		}
		rooted = rooted || server.Root == s.Webroot
	}
	if len(missing) > 0 {
		return fmt.Errorf("no server for %s", strings.Join(missing, " "))
	}
	if !rooted {
		return fmt.Errorf("no server has the root %s", s.Webroot)
	}
	return nil
}

// Finder finds the sites of runs by the configuration.
type Finder struct {
	config settings.Config
	hosts  map[string]*hosts.Host
	repo   *repo.Repo
}

// NewFinder returns the finder over the configured hosts and the repository.
func NewFinder(config settings.Config, hosts map[string]*hosts.Host, repo *repo.Repo) *Finder {
	return &Finder{config, hosts, repo}
}

// All returns the site of every domain of a run. It returns an [onboarding.ConflictError] if one
// is to be on a host that is not a configured VPS.
func (f *Finder) All(run *onboarding.Run) ([]*Site, error) {
	list := make([]*Site, len(run.Request.Domains))
	for i, domain := range run.Request.Domains {
		var err error
		if list[i], err = f.Site(run, domain); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Of returns the site of the domain of a step.
func (f *Finder) Of(run *onboarding.Run, key onboarding.Key) (*Site, error) {
	i := slices.IndexFunc(run.Request.Domains, func(d onboarding.Domain) bool { return d.Name == key.Domain() })
	if i < 0 {
		return nil, fmt.Errorf("step %s: the run has no such domain", key)
	}
	return f.Site(run, run.Request.Domains[i])
}

// Site returns the site of one domain of a run.
func (f *Finder) Site(run *onboarding.Run, domain onboarding.Domain) (*Site, error) {
	name := cmp.Or(domain.Host, f.config.VPS)
	host, configured := f.hosts[name], f.config.Hosts[name]
	if host == nil || configured.IPv4 == "" {
		return nil, onboarding.Conflictf("Configure it under hosts, with its ipv4.",
			"%s is to be served by %s, which is not a configured VPS.", domain.Name, name)
	}
	s := &Site{
		Domain: domain.Name, Names: domain.Names(), Target: strings.TrimSuffix(domain.Name, ".com"),
		Slug: run.Request.Slug, Mail: domain.Mail, Folder: f.repo.Folder(domain.Name),
		Host: host, HostName: name, Alias: configured.Alias, IPv4: netip.MustParseAddr(configured.IPv4),
	}
	if configured.IPv6 != "" {
		s.IPv6 = netip.MustParseAddr(configured.IPv6)
	}
	replacer := strings.NewReplacer("{email}", run.Request.Email, "{slug}", run.Request.Slug)
	s.Email = replacer.Replace(f.config.Certificate.Email)
	s.Webroot = s.Expand(f.config.Deploy.Webroot)
	s.Conf = s.Expand(f.config.Deploy.NginxConf)
	s.Enabled = s.Expand(f.config.Deploy.NginxEnabled)
	s.Challenge = path.Join(s.Webroot, f.config.Certificate.Challenge)
	return s, nil
}
