package runbook

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// Config is everything that the runbook leaves to the operators. Its defaults are the runbook's own values.
//
// Some values are patterns, in which {domain}, {target}, {slug}, {email} and the like stand for what a run is about.
type Config struct {
	// Platform is the platform's database.
	Platform platform.Config `yaml:"platform"`
	// Hosts are the machines by the name that operators use: the one with the repository, and the VPSes. Required.
	Hosts map[string]Host `yaml:"hosts"`
	// VPS is the host of domains that name none. Default: the only host with an address.
	VPS string `yaml:"vps"`
	// Repository is the platform's repository.
	Repository Repository `yaml:"repository"`
	// Deploy says what a domain's deploy folder holds and how it is deployed.
	Deploy Deploy `yaml:"deploy"`
	// DNS says which records a domain gets and who publishes them.
	DNS DNS `yaml:"dns"`
	// Mail says which mail a domain may have, and how it gets it.
	Mail Mail `yaml:"mail"`
	// Certificate says how a domain gets its certificate.
	Certificate Certificate `yaml:"certificate"`
	// Certificates says how the certificates of live sites are watched and renewed.
	Certificates certificates.Settings `yaml:"certificates"`
	// Portal is the provider-portal.
	Portal Portal `yaml:"portal"`
	// Probe says how sites are looked at from outside.
	Probe probe.Config `yaml:"probe"`
	// Others is how many other tenants a new one is tried against in the success checks. Default: 200.
	Others int `yaml:"others"`
}

// Host is one machine. Those that domains may point at have an address.
type Host struct {
	hosts.Config `yaml:",inline"`
	// IPv4 is the public address that A records get.
	IPv4 string `yaml:"ipv4"`
	// IPv6 is the public address that AAAA records get. Empty: domains get no AAAA record.
	IPv6 string `yaml:"ipv6"`
	// Alias is how the machine with the repository reaches this one by ssh: what REMOTE_HOST in deploy.sh is set to. Default: ssh.
	// Where both are empty, deploy.sh keeps its own.
	Alias string `yaml:"alias"`
}

// aliasForm allows what ssh(1) takes as [user@]host or an alias, and no option.
var aliasForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$`)

// Repository says where the platform's repository is and how commits are made in it.
type Repository struct {
	// Host is the name of one of the hosts. Required.
	Host        string `yaml:"host"`
	repo.Config `yaml:",inline"`
}

// Deploy says what a domain's deploy folder holds and how it is deployed.
type Deploy struct {
	// Feature is what every domain serves; it names no Provider. Default: provider-site.
	Feature string `yaml:"feature"`
	// Webroot is the folder on the VPS. A pattern; default: /var/www/{domain}.
	Webroot string `yaml:"webroot"`
	// NginxConf is the site's configuration on the VPS, which certbot edits. A pattern; default:
	// /etc/nginx/sites-available/{target}.
	NginxConf string `yaml:"nginx_conf"`
	// NginxEnabled is the symbolic link that enables it. A pattern; default: /etc/nginx/sites-enabled/{target}.
	NginxEnabled string `yaml:"nginx_enabled"`
	// Command deploys one target, in the repository. Patterns; default: ./run deploy:{target} --from-local --nginx. The target
	// is the domain, without .com where it ends so.
	Command []string `yaml:"command"`
	// Timeout bounds the command. Default: 10m.
	Timeout time.Duration `yaml:"timeout"`
	// Reload makes nginx on the VPS read its configuration, when a site is taken back. Default: nginx -s reload.
	Reload []string `yaml:"reload"`
}

// Providers of DNS.
const (
	// Manual shows the records to whoever can make them, and waits.
	Manual = "manual"
	// RFC2136 publishes by signed updates.
	RFC2136 = "rfc2136"
)

// DNS says which records a domain gets and who publishes them.
type DNS struct {
	// Provider is manual or rfc2136. Default: manual.
	Provider string `yaml:"provider"`
	// TTL of new records, in seconds. Default: 300.
	TTL uint32 `yaml:"ttl"`
	// Again is how soon a domain's name servers are asked once more. Default: 5s.
	Again time.Duration `yaml:"again"`
	// Resolver finds a domain's own name servers.
	Resolver dns.ResolverConfig `yaml:"resolver"`
	// Updates is where signed updates go; for rfc2136.
	Updates dns.PublisherConfig `yaml:"rfc2136"`
}

// Certificate says how a domain gets its certificate.
type Certificate struct {
	// Email is the address of the ACME account. A pattern; default: {email}, the Provider's own.
	Email string `yaml:"email"`
	// Command obtains and installs a certificate, on the VPS. Patterns; {email} is the address above. Default: certbot
	// --nginx -d {domain} -d www.{domain} --non-interactive --agree-tos -m {email} --redirect.
	Command []string `yaml:"command"`
	// Left is the share of its lifetime that a certificate must still have. Default: 1/3, when certbot renews.
	Left float64 `yaml:"left"`
	// Log is what certbot writes on the VPS. Default: /var/log/letsencrypt/letsencrypt.log.
	Log string `yaml:"log"`
	// Challenge is where below a webroot the CA looks (RFC 8555 §8.3). Default: .well-known/acme-challenge.
	Challenge string `yaml:"challenge"`
	// Timeout bounds the command. Default: 5m.
	Timeout time.Duration `yaml:"timeout"`
	// Delete deletes a certificate, where an undo is asked to. Patterns; default: certbot delete --cert-name {domain}
	// --non-interactive.
	Delete []string `yaml:"delete"`
	// Renewal is the file that certbot has for a certificate that it keeps. A pattern; default:
	// /etc/letsencrypt/renewal/{domain}.conf.
	Renewal string `yaml:"renewal"`
}

// Portal is the provider-portal, where a Provider sees who they are.
type Portal struct {
	// URL is a Provider's own. A pattern; default: https://{slug}.my/
	URL string `yaml:"url"`
	// ParentURL is where those appear who join an Org; {owner} is the slug of its owner. A pattern; default: https://{owner}.my/
	ParentURL string `yaml:"parent_url"`
	// Expect must be on the page, after HTML's character references are resolved. Patterns; default: {display_name}.
	Expect []string `yaml:"expect"`
	// Address is asked instead of what the URL's name resolves to. Default: none.
	Address string `yaml:"address"`
}

// Addressed lists the hosts that domains may point at, sorted, the one for domains that name none first.
func (c *Config) Addressed() []string {
	var names []string
	for name, host := range c.Hosts {
		if host.IPv4 != "" && name != c.VPS {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return append([]string{c.VPS}, names...)
}

// Defaults fills what is not set.
func (c *Config) Defaults() {
	c.Platform.Defaults()
	var addressed []string
	for name, host := range c.Hosts {
		host.Name = cmp.Or(host.Name, name)
		host.Config = host.WithDefaults()
		host.Alias = cmp.Or(host.Alias, host.SSH)
		c.Hosts[name] = host
		if host.IPv4 != "" {
			addressed = append(addressed, name)
		}
	}
	if len(addressed) == 1 {
		c.VPS = cmp.Or(c.VPS, addressed[0])
	}
	c.Repository.Config = c.Repository.WithDefaults()
	set := func(field *string, otherwise string) { *field = cmp.Or(*field, otherwise) }
	set(&c.Deploy.Feature, "provider-site")
	set(&c.Deploy.Webroot, "/var/www/{domain}")
	set(&c.Deploy.NginxConf, "/etc/nginx/sites-available/{target}")
	set(&c.Deploy.NginxEnabled, "/etc/nginx/sites-enabled/{target}")
	if c.Deploy.Command == nil {
		c.Deploy.Command = []string{"./run", "deploy:{target}", "--from-local", "--nginx"}
	}
	if c.Deploy.Reload == nil {
		c.Deploy.Reload = []string{"nginx", "-s", "reload"}
	}
	c.Deploy.Timeout = cmp.Or(c.Deploy.Timeout, 10*time.Minute)
	set(&c.DNS.Provider, Manual)
	c.DNS.TTL = cmp.Or(c.DNS.TTL, 300)
	c.DNS.Again = cmp.Or(c.DNS.Again, 5*time.Second)
	c.DNS.Resolver, c.DNS.Updates = c.DNS.Resolver.WithDefaults(), c.DNS.Updates.WithDefaults()
	c.Mail.defaults()
	c.Probe = c.Probe.WithDefaults()
	set(&c.Certificate.Email, "{email}")
	if c.Certificate.Command == nil {
		c.Certificate.Command = []string{"certbot", "--nginx", "-d", "{domain}", "-d", "www.{domain}", "--non-interactive", "--agree-tos", "-m", "{email}", "--redirect"}
	}
	if c.Certificate.Delete == nil {
		c.Certificate.Delete = []string{"certbot", "delete", "--cert-name", "{domain}", "--non-interactive"}
	}
	set(&c.Certificate.Renewal, "/etc/letsencrypt/renewal/{domain}.conf")
	c.Certificate.Left = cmp.Or(c.Certificate.Left, 1./3)
	set(&c.Certificate.Log, "/var/log/letsencrypt/letsencrypt.log")
	set(&c.Certificate.Challenge, ".well-known/acme-challenge")
	c.Certificate.Timeout = cmp.Or(c.Certificate.Timeout, 5*time.Minute)
	c.Certificates = c.Certificates.WithDefaults()
	set(&c.Portal.URL, "https://{slug}.my/")
	set(&c.Portal.ParentURL, "https://{owner}.my/")
	if c.Portal.Expect == nil {
		c.Portal.Expect = []string{"{display_name}"}
	}
	c.Others = cmp.Or(c.Others, 200)
}

// problems collects what is wrong, each with its key.
type problems []error

func (p *problems) add(key, format string, args ...any) {
	*p = append(*p, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
}

// under adds what a part of the configuration says is wrong with it, a line each.
func (p *problems) under(key string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			p.under(key, err)
		}
		return
	}
	if err != nil {
		*p = append(*p, fmt.Errorf("%s.%w", key, err))
	}
}

// Validate reports every value that cannot stand, each with its key.
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
	if c.DNS.Provider != Manual && c.DNS.Provider != RFC2136 {
		p.add("dns.provider", "%q is neither %s nor %s", c.DNS.Provider, Manual, RFC2136)
	}
	if c.DNS.Provider == RFC2136 {
		p.under("dns.rfc2136", c.DNS.Updates.Validate())
	}
	if c.DNS.TTL > dns.MaxTTL {
		p.add("dns.ttl", "%d is more than %d seconds", c.DNS.TTL, dns.MaxTTL)
	}
	if c.Certificate.Left <= 0 || c.Certificate.Left >= 1 {
		p.add("certificate.left", "%g is not a share between 0 and 1", c.Certificate.Left)
	}
	for key, value := range map[string]time.Duration{"deploy.timeout": c.Deploy.Timeout, "certificate.timeout": c.Certificate.Timeout, "dns.again": c.DNS.Again} {
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
		if address, err := netip.ParseAddr(host.IPv6); host.IPv6 != "" && (err != nil || !address.Is6() || address.Is4In6() || address.Zone() != "") {
			p.add(key+".ipv6", "%q is not an IPv6 address", host.IPv6)
		}
		if host.Alias != host.SSH && !aliasForm.MatchString(host.Alias) {
			p.add(key+".alias", "%q is not an alias of ssh_config, or [user@]host", host.Alias)
		}
		if host.IPv6 != "" && host.IPv4 == "" {
			p.add(key+".ipv4", "is missing beside ipv6")
		}
	}
	if c.VPS == "" {
		p.add("vps", "is missing: which of hosts with an ipv4 sites run on; with one such host alone it is that")
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
	for key, pattern := range map[string]string{"deploy.webroot": c.Deploy.Webroot, "deploy.nginx_conf": c.Deploy.NginxConf, "deploy.nginx_enabled": c.Deploy.NginxEnabled,
		"certificate.renewal": c.Certificate.Renewal} {
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
	known("certificate.delete", forDomains, c.Certificate.Delete...)
	known("certificate.email", []string{"{slug}", "{email}"}, c.Certificate.Email)
	for key, argv := range map[string][]string{"deploy.command": c.Deploy.Command, "certificate.command": c.Certificate.Command, "deploy.reload": c.Deploy.Reload,
		"certificate.delete": c.Certificate.Delete} {
		if len(argv) == 0 || argv[0] == "" {
			p.add(key, "is empty")
		}
	}
	if !path.IsAbs(c.Certificate.Log) {
		p.add("certificate.log", "%q is not an absolute path", c.Certificate.Log)
	}
	if path.IsAbs(c.Certificate.Challenge) || path.Clean(c.Certificate.Challenge) != c.Certificate.Challenge || strings.HasPrefix(c.Certificate.Challenge, "..") {
		p.add("certificate.challenge", "%q is not a clean path below a webroot", c.Certificate.Challenge)
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
