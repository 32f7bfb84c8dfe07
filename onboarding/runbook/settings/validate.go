package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/joined"
)

// problems collects what is wrong, each with its key.
type problems []error

func (p *problems) add(key, format string, args ...any) {
	*p = append(*p, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
}

// under adds the problems of a part of the configuration, one line each.
func (p *problems) under(key string, err error) {
	*p = append(*p, joined.Under(key, err)...)
}

// Validate reports every invalid value, each with its key.
func (c *Config) Validate() error {
	var p problems
	p.under("platform", c.Platform.Validate())
	c.validateHosts(&p)
	c.validateMail(&p)
	c.validateCertificates(&p)
	if c.Repository.Host == "" {
		p.add("repository.host", "is missing: which of hosts has the repository")
	} else if _, known := c.Hosts[c.Repository.Host]; !known {
		p.add("repository.host", "%q is not one of hosts", c.Repository.Host)
	}
	p.under("repository", c.Repository.Validate())
	p.under("probe", c.Probe.Validate())
	if c.Others < 1 {
		p.add("others", "%d is not a number of tenants from 1 up", c.Others)
	}
	if !featureName.MatchString(c.Deploy.Feature) {
		p.add("deploy.feature", "%q is not a name in kebab-case such as provider-site", c.Deploy.Feature)
	}
	c.DNS.validate(&p)
	if c.Certificate.Left <= 0 || c.Certificate.Left >= 1 {
		p.add("certificate.left", "%g is not a share between 0 and 1", c.Certificate.Left)
	}
	for key, value := range map[string]time.Duration{
		"deploy.timeout": c.Deploy.Timeout, "certificate.timeout": c.Certificate.Timeout, "dns.again": c.DNS.Again,
	} {
		if value < time.Second {
			p.add(key, "%s is less than 1s", value)
		}
	}
	c.validatePatterns(&p)
	slices.SortFunc(p, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(p...)
}

var featureName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (c *Config) validateHosts(p *problems) {
	for name, host := range c.Hosts {
		key := "hosts." + name
		p.under(key, host.Validate())
		if host.Name != name {
			p.add(key+".name", "%q is not the key %q", host.Name, name)
		}
		if address, err := netip.ParseAddr(host.IPv4); host.IPv4 != "" && (err != nil || !address.Is4()) {
			p.add(key+".ipv4", "%q is not an IPv4 address", host.IPv4)
		}
		address, err := netip.ParseAddr(host.IPv6)
		if host.IPv6 != "" && (err != nil || !address.Is6() || address.Is4In6() || address.Zone() != "") {
			p.add(key+".ipv6", "%q is not an IPv6 address", host.IPv6)
		}
		if host.Alias != host.SSH && !aliasForm.MatchString(host.Alias) {
			p.add(key+".alias", "%q is not an alias of ssh_config, or [user@]host", host.Alias)
		}
		if host.IPv6 != "" && host.IPv4 == "" {
			p.add(key+".ipv4", "is missing, although ipv6 is set")
		}
	}
	if c.VPS == "" {
		p.add("vps", "is missing: the host with an ipv4 that sites run on by default")
	} else if vps, known := c.Hosts[c.VPS]; !known || vps.IPv4 == "" {
		p.add("vps", "%q is not one of hosts with an ipv4", c.VPS)
	}
}

// Placeholders of patterns.
var (
	forDomains = []string{"{domain}", "{target}", "{slug}"}
	forPeople  = []string{"{slug}", "{display_name}", "{email}", "{owner}", "{org}"}
)

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func (c *Config) validatePatterns(p *problems) {
	known := func(key string, allowed []string, patterns ...string) {
		for _, pattern := range patterns {
			for _, found := range placeholder.FindAllString(pattern, -1) {
				if !slices.Contains(allowed, found) {
					p.add(key, "%s in %q is none of %s", found, pattern, strings.Join(allowed, ", "))
				}
			}
		}
	}
	for key, pattern := range map[string]string{
		"deploy.webroot": c.Deploy.Webroot, "deploy.nginx_conf": c.Deploy.NginxConf,
		"deploy.nginx_enabled": c.Deploy.NginxEnabled, "certificate.renewal": c.Certificate.Renewal,
	} {
		known(key, forDomains, pattern)
		if !path.IsAbs(pattern) || path.Clean(pattern) != pattern {
			p.add(key, "%q is not a clean absolute path", pattern)
		}
		if !strings.Contains(pattern, "{domain}") && !strings.Contains(pattern, "{target}") {
			p.add(key, "%q is the same for every domain: put {domain} or {target} in it", pattern)
		}
	}
	known("deploy.command", forDomains, c.Deploy.Command...)
	for key, argv := range c.mailPatterns() {
		known(key, append(slices.Clone(forDomains), "{email}", "{forward}"), argv...)
	}
	known("certificate.command", append(slices.Clone(forDomains), "{email}"), c.Certificate.Command...)
	known("certificate.dry_run", append(slices.Clone(forDomains), "{email}"), c.Certificate.DryRun...)
	known("certificate.delete", forDomains, c.Certificate.Delete...)
	known("certificate.email", []string{"{slug}", "{email}"}, c.Certificate.Email)
	for key, argv := range map[string][]string{
		"deploy.command": c.Deploy.Command, "deploy.reload": c.Deploy.Reload,
		"certificate.command": c.Certificate.Command, "certificate.delete": c.Certificate.Delete,
	} {
		if len(argv) == 0 || argv[0] == "" {
			p.add(key, "is empty")
		}
	}
	if !path.IsAbs(c.Certificate.Log) {
		p.add("certificate.log", "%q is not an absolute path", c.Certificate.Log)
	}
	challenge := c.Certificate.Challenge
	if path.IsAbs(challenge) || path.Clean(challenge) != challenge || strings.HasPrefix(challenge, "..") {
		p.add("certificate.challenge", "%q is not a clean path below a webroot", challenge)
	}
	known("portal.url", []string{"{slug}"}, c.Portal.URL)
	known("portal.parent_url", []string{"{slug}", "{owner}", "{org}"}, c.Portal.ParentURL)
	known("portal.expect", forPeople, c.Portal.Expect...)
	for key, pattern := range map[string]string{"portal.url": c.Portal.URL, "portal.parent_url": c.Portal.ParentURL} {
		site, err := url.Parse(placeholder.ReplaceAllString(pattern, "x"))
		if err != nil || site.Scheme != "https" || site.Host == "" || site.Port() != "" || site.User != nil {
			p.add(key, "%q is not an https address without a port", pattern)
		}
	}
	if _, err := netip.ParseAddr(c.Portal.Address); c.Portal.Address != "" && err != nil {
		p.add("portal.address", "%q is not an IP address", c.Portal.Address)
	}
}

// ValidateWatch reports the problems of those parts of the configuration that observing
// certificates needs.
func (c *Config) ValidateWatch() error {
	var p problems
	c.validateHosts(&p)
	c.validateCertificates(&p)
	p.under("probe", c.Probe.Validate())
	return errors.Join(p...)
}

func (c *Config) validateCertificates(p *problems) {
	p.under("certificates", c.Certificates.Validate())
	for i, site := range c.Certificates.Extra {
		if _, known := c.Hosts[site.Host]; site.Host != "" && !known {
			p.add(fmt.Sprintf("certificates.extra[%d].host", i), "%q is not one of hosts", site.Host)
		}
	}
}
