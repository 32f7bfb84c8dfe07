package mail

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Config holds the operators' patterns of mail records. In every value, {domain} is replaced with
// the domain.
type Config struct {
	// TTL of the records, in seconds. Default: 3600.
	TTL uint32 `yaml:"ttl"`
	// Forwarding is the pattern of a domain whose mail is forwarded to another address. Without mx
	// the plan is not offered.
	Forwarding Pattern `yaml:"forwarding"`
	// Mailbox is the pattern of a domain that receives and sends. Without mx the plan is not
	// offered.
	Mailbox Pattern `yaml:"mailbox"`
	// DKIM says where the signing keys are of domains whose pattern has dkim.
	DKIM DKIM `yaml:"dkim"`
}

// Pattern is what a domain with a mail plan needs.
type Pattern struct {
	// MX are the mail exchangers with their preference, such as 10 mail.quinn.example.
	MX []string `yaml:"mx"`
	// SPF is the record that says who sends, such as v=spf1 mx -all (RFC 7208).
	SPF string `yaml:"spf"`
	// DMARC is the policy, such as v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain} (RFC 7489).
	DMARC string `yaml:"dmarc"`
	// DKIM says that keys are generated for the domain and their public halves published (RFC
	// 6376).
	DKIM bool `yaml:"dkim"`
}

// DKIM says where signing keys are.
type DKIM struct {
	// Host is the configured host that signs. Keys are generated there and never leave it.
	Host string `yaml:"host"`
	// Path of a private key on it, with {domain} and {selector}. Default:
	// /etc/dkimkeys/{domain}/{selector}.pem.
	Path string `yaml:"path"`
	// Owner is the account that signs, as chown takes it. Default: the bot's account on the host.
	Owner string `yaml:"owner"`
	// Keys of each domain. Default: one of 2048 bit RSA with the selector onboard. An ed25519 key
	// (RFC 8463) can be added but not used alone, since many receivers cannot verify it.
	Keys []Key `yaml:"keys"`
}

// Key is one signing key of a domain.
type Key struct {
	// Selector is its name in the DNS.
	Selector string `yaml:"selector"`
	// Kind is rsa or ed25519. Default: rsa.
	Kind KeyKind `yaml:"kind"`
}

// Defaults fills in what is not set.
func (c *Config) Defaults() {
	c.TTL = cmp.Or(c.TTL, 3600)
	if c.DKIM.Path == "" {
		c.DKIM.Path = "/etc/dkimkeys/{domain}/{selector}.pem"
	}
	if len(c.DKIM.Keys) == 0 {
		c.DKIM.Keys = []Key{{Selector: "onboard"}}
	}
	for i := range c.DKIM.Keys {
		c.DKIM.Keys[i].Kind = cmp.Or(c.DKIM.Keys[i].Kind, RSA)
	}
}

// Offered returns the plans for which the configuration has a pattern, None first.
func (c Config) Offered() []Plan {
	plans := []Plan{None}
	for _, plan := range []Plan{Forwarding, Mailbox} {
		if len(c.pattern(plan).MX) > 0 {
			plans = append(plans, plan)
		}
	}
	return plans
}

func (c Config) pattern(plan Plan) Pattern {
	switch plan {
	case Forwarding:
		return c.Forwarding
	case Mailbox:
		return c.Mailbox
	}
	return Pattern{}
}

var (
	selectorForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	ownerForm    = regexp.MustCompile(`^[a-z_][a-z0-9_-]*(:[a-z_][a-z0-9_-]*)?$`)
)

// Validate reports every problem, each with the field's name.
func (c Config) Validate() error {
	var problems []error
	if c.TTL < 60 || c.TTL > dns.MaxTTL {
		problems = append(problems, fmt.Errorf("ttl: %d is not between 60 and %d seconds", c.TTL, dns.MaxTTL))
	}
	for _, plan := range []Plan{Forwarding, Mailbox} {
		problems = append(problems, c.pattern(plan).validate(string(plan))...)
	}
	if c.Forwarding.DKIM || c.Mailbox.DKIM {
		problems = append(problems, c.DKIM.validateHost()...)
	}
	return errors.Join(append(problems, c.DKIM.validateKeys()...)...)
}

func (d DKIM) validateHost() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if d.Host == "" {
		add("dkim.host: is empty: name the configured host that signs")
	}
	if !path.IsAbs(d.Path) || path.Clean(d.Path) != d.Path {
		add("dkim.path: %q is not an absolute, clean path", d.Path)
	}
	for _, placeholder := range []string{"{domain}", "{selector}"} {
		if !strings.Contains(d.Path, placeholder) {
			add("dkim.path: %q has no %s: keys would overwrite each other", d.Path, placeholder)
		}
	}
	if d.Owner != "" && !ownerForm.MatchString(d.Owner) {
		add("dkim.owner: %q is not an account as in opendkim:opendkim", d.Owner)
	}
	return problems
}

func (d DKIM) validateKeys() (problems []error) {
	selectors, rsa := map[string]bool{}, false
	for i, key := range d.Keys {
		field := fmt.Sprintf("dkim.keys[%d]", i)
		if !selectorForm.MatchString(key.Selector) {
			problems = append(problems, fmt.Errorf("%s.selector: %q is not a label of letters, digits and hyphens",
				field, key.Selector))
		}
		if selectors[key.Selector] {
			problems = append(problems, fmt.Errorf("%s.selector: %s is given twice", field, key.Selector))
		}
		selectors[key.Selector] = true
		if key.Kind != RSA && key.Kind != Ed25519 {
			problems = append(problems, fmt.Errorf("%s.kind: %q is neither rsa nor ed25519", field, key.Kind))
		}
		rsa = rsa || key.Kind == RSA
	}
	if !rsa {
		problems = append(problems,
			errors.New("dkim.keys: none is of kind rsa, the only kind that all receivers verify"))
	}
	return problems
}

// validate reports the problems of a pattern that is configured as a field.
func (p Pattern) validate(field string) (problems []error) {
	const domain = "example.com"
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(field+"."+format, args...)) }
	if len(p.MX) == 0 {
		if p.SPF != "" || p.DMARC != "" || p.DKIM {
			add("mx: is empty, but other fields are not: name the exchanger, such as 10 mail.quinn.example")
		}
		return problems
	}
	for i, mx := range p.MX {
		if _, err := dns.NewRecord(domain, "MX", 60, expand(mx, domain)); err != nil {
			add("mx[%d]: %q is not a preference and an exchanger, such as 10 mail.quinn.example", i, mx)
		}
	}
	if p.SPF == "" {
		add("spf: is empty; a domain that receives mail says who sends for it, such as v=spf1 mx -all")
	} else if record, err := parseSPF(expand(p.SPF, domain)); err != nil {
		add("spf: %w", err)
	} else if record.all() < 0 {
		add("spf: %q does not end with all", p.SPF)
	}
	if p.DMARC == "" {
		add("dmarc: is empty; give a policy, such as v=DMARC1; p=none")
	} else if _, err := parseDMARC(expand(p.DMARC, domain)); err != nil {
		add("dmarc: %w", err)
	}
	return problems
}

func expand(text, domain string) string { return strings.ReplaceAll(text, "{domain}", domain) }
