package settings

import (
	"net/netip"
	"regexp"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// Config is everything that the runbook leaves to the operators. Its defaults are the runbook's
// own values.
//
// Some values are patterns, in which {domain}, {target}, {slug}, {email} and the like stand for
// what a run is about.
type Config struct {
	// Platform is the platform's database.
	Platform platform.Config `yaml:"platform"`
	// Hosts are the machines by the name that operators use: the one with the repository, and the
	// VPSes. Required.
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
	// Probe says how sites are probed from outside.
	Probe probe.Config `yaml:"probe"`
	// Others is how many other tenants a new one is tried against in the success checks. Default:
	// 200.
	Others int `yaml:"others"`
}

// Host is one machine. Those that domains may point at have an address.
type Host struct {
	hosts.Config `yaml:",inline"`
	// IPv4 is the public address that A records get.
	IPv4 string `yaml:"ipv4"`
	// IPv6 is the public address that AAAA records get. Empty: domains get no AAAA record.
	IPv6 string `yaml:"ipv6"`
	// Alias is how the machine with the repository reaches this one by ssh: what REMOTE_HOST in
	// deploy.sh is set to. Default: ssh. Where both are empty, deploy.sh keeps its own.
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
	// NginxEnabled is the symbolic link that enables it. A pattern; default:
	// /etc/nginx/sites-enabled/{target}.
	NginxEnabled string `yaml:"nginx_enabled"`
	// Command deploys one target, in the repository. Patterns; default: ./run deploy:{target}
	// --from-local --nginx. The target is the domain, without .com where it ends so.
	Command []string `yaml:"command"`
	// Site is the folder in a deploy folder whose files the command installs in the webroot as
	// they are: they are compared afterwards. none: nothing is compared. Default: site.
	Site string `yaml:"site"`
	// Timeout bounds the command. Default: 10m.
	Timeout time.Duration `yaml:"timeout"`
	// Reload makes nginx on the VPS read its configuration, when a site is taken back. Default:
	// nginx -s reload.
	Reload []string `yaml:"reload"`
}

// Certificate says how a domain gets its certificate.
type Certificate struct {
	// Email is the address of the ACME account. A pattern; default: {email}, the Provider's own.
	Email string `yaml:"email"`
	// Command obtains and installs a certificate, on the VPS. Patterns; {email} is the address
	// above. Default: certbot
	// --nginx -d {domain} -d www.{domain} --non-interactive --agree-tos -m {email} --redirect.
	Command []string `yaml:"command"`
	// DryRun is what makes certbot test the challenge where nginx would not serve a file to the
	// authority, such as behind a password. Patterns; default: certbot certonly --nginx --dry-run
	// with the names and the address of Command, if Command is certbot --nginx, else none.
	DryRun []string `yaml:"dry_run"`
	// Left is the share of its lifetime that a certificate must still have. Default: 1/3, when
	// certbot renews.
	Left float64 `yaml:"left"`
	// Log is what certbot writes on the VPS. Default: /var/log/letsencrypt/letsencrypt.log.
	Log string `yaml:"log"`
	// Challenge is where below a webroot the CA looks (RFC 8555 §8.3). Default:
	// .well-known/acme-challenge.
	Challenge string `yaml:"challenge"`
	// Timeout bounds the command. Default: 5m.
	Timeout time.Duration `yaml:"timeout"`
	// Delete deletes a certificate, where an undo is asked to. Patterns; default: certbot delete
	// --cert-name {domain}
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
	// ParentURL is where those appear who join an Org; {owner} is the slug of its owner. A
	// pattern; default: https://{owner}.my/
	ParentURL string `yaml:"parent_url"`
	// Expect must be on the page, after HTML's character references are resolved. Patterns;
	// default: {display_name}.
	Expect []string `yaml:"expect"`
	// Address is asked instead of what the URL's name resolves to. Default: none.
	Address string `yaml:"address"`
}

// Addresses are the host's public ones, IPv4 first. Text that is no address was refused when the
// configuration was validated.
func (h Host) Addresses() []netip.Addr {
	var list []netip.Addr
	for _, text := range []string{h.IPv4, h.IPv6} {
		if address, err := netip.ParseAddr(text); err == nil {
			list = append(list, address)
		}
	}
	return list
}

// Extra finds a site of the configuration by its domain.
func (c *Config) Extra(domain string) (certificates.Site, bool) {
	i := slices.IndexFunc(c.Certificates.Extra, func(site certificates.Site) bool {
		canonical, err := site.Canonical()
		return err == nil && canonical.Domain == domain
	})
	if i < 0 {
		return certificates.Site{}, false
	}
	return c.Certificates.Extra[i], true
}
