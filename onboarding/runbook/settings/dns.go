package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/dns"
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
	Updates dns.RFC2136Config `yaml:"rfc2136"`
}

// The providers of DNS.
const (
	// Manual shows the records to the people who make them, and waits.
	Manual = "manual"
	// RFC2136 publishes by signed updates.
	RFC2136 = "rfc2136"
)

// provider is one that dns.provider may name.
type provider struct {
	name     string
	validate func(*DNS, *problems)
	publish  func(*DNS) (dns.Publisher, error)
}

// providers lists all of them.
var providers = []provider{
	{
		name:     Manual,
		validate: func(*DNS, *problems) {},
		publish:  func(*DNS) (dns.Publisher, error) { return dns.Manual{}, nil },
	},
	{
		name:     RFC2136,
		validate: func(d *DNS, p *problems) { p.under("dns.rfc2136", d.Updates.Validate()) },
		publish:  func(d *DNS) (dns.Publisher, error) { return dns.NewRFC2136(d.Updates) },
	},
}

func (d *DNS) defaults() {
	d.Provider = cmp.Or(d.Provider, Manual)
	d.TTL = cmp.Or(d.TTL, 300)
	d.Again = cmp.Or(d.Again, 5*time.Second)
	d.Resolver, d.Updates = d.Resolver.WithDefaults(), d.Updates.WithDefaults()
}

func (d *DNS) validate(p *problems) {
	if i := d.index(); i >= 0 {
		providers[i].validate(d, p)
	} else {
		var names []string
		for _, known := range providers {
			names = append(names, known.name)
		}
		p.add("dns.provider", "%q is not one of %s", d.Provider, strings.Join(names, ", "))
	}
	if d.TTL > dns.MaxTTL {
		p.add("dns.ttl", "%d is more than %d seconds", d.TTL, dns.MaxTTL)
	}
}

func (d *DNS) index() int {
	return slices.IndexFunc(providers, func(known provider) bool { return known.name == d.Provider })
}

// Publisher returns that of the configured provider. The configuration must be valid.
func (d *DNS) Publisher() (dns.Publisher, error) {
	made, err := providers[d.index()].publish(d)
	if err != nil {
		return nil, fmt.Errorf("dns.%s: %w", d.Provider, err)
	}
	return made, nil
}
