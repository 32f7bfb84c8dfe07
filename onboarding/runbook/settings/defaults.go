package settings

import (
	"cmp"
	"slices"
	"time"
)

// Addressed lists the hosts that domains may point at, sorted by name after the one for domains
// that name none.
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

// Defaults fills in what is not set.
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
	set(&c.Deploy.Site, "site")
	if c.Deploy.Reload == nil {
		c.Deploy.Reload = []string{"nginx", "-s", "reload"}
	}
	c.Deploy.Timeout = cmp.Or(c.Deploy.Timeout, 10*time.Minute)
	c.DNS.defaults()
	c.Mail.defaults()
	c.Probe = c.Probe.WithDefaults()
	set(&c.Certificate.Email, "{email}")
	if c.Certificate.Command == nil {
		c.Certificate.Command = []string{"certbot", "--nginx", "-d", "{domain}", "-d", "www.{domain}",
			"--non-interactive", "--agree-tos", "-m", "{email}", "--redirect"}
	}
	command := c.Certificate.Command
	certbot := len(command) > 0 && command[0] == "certbot" && slices.Contains(command, "--nginx")
	if c.Certificate.DryRun == nil && certbot {
		c.Certificate.DryRun = []string{"certbot", "certonly", "--nginx", "--dry-run", "-d", "{domain}",
			"-d", "www.{domain}", "--non-interactive", "--agree-tos", "-m", "{email}"}
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
