package mail

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Records returns the records that a domain with a plan should have, regardless of what is
// published. keys are the public halves of all keys of the domain, none if the plan does not sign.
func (c Config) Records(domain string, plan Plan, keys []PublicKey) ([]dns.Record, error) {
	pattern := c.pattern(plan)
	var records []dns.Record
	add := func(name, kind, value string) error {
		record, err := dns.NewRecord(name, kind, c.TTL, value)
		if err != nil {
			return fmt.Errorf("mail of %s: %w", domain, err)
		}
		records = append(records, record)
		return nil
	}
	if plan == None {
		return nil, nil
	}
	if len(pattern.MX) == 0 {
		return nil, fmt.Errorf("mail of %s: no pattern is configured for %s", domain, plan)
	}
	for _, mx := range pattern.MX {
		if err := add(domain, "MX", expand(mx, domain)); err != nil {
			return nil, err
		}
	}
	if err := add(domain, "TXT", expand(pattern.SPF, domain)); err != nil {
		return nil, err
	}
	if err := add("_dmarc."+domain, "TXT", expand(pattern.DMARC, domain)); err != nil {
		return nil, err
	}
	if pattern.DKIM {
		for _, key := range keys {
			if err := add(key.Selector+"._domainkey."+domain, "TXT", key.Record()); err != nil {
				return nil, err
			}
		}
	}
	return records, nil
}

// Files returns the keys that a domain with a plan needs on the host of [DKIM], none if the plan
// does not sign.
func (c Config) Files(domain string, plan Plan) []KeyFile {
	if !c.pattern(plan).DKIM {
		return nil
	}
	var files []KeyFile
	for _, key := range c.DKIM.Keys {
		path := strings.NewReplacer("{domain}", domain, "{selector}", key.Selector).Replace(c.DKIM.Path)
		files = append(files, KeyFile{Key: key, Path: path, Owner: c.DKIM.Owner})
	}
	return files
}

// purpose is what a record is for.
type purpose int

const (
	other purpose = iota
	exchanger
	sender // SPF
	policy // DMARC
	signer // DKIM
)

// isDMARC reports whether a TXT record begins like a DMARC record.
func isDMARC(record dns.Record) bool {
	return strings.HasPrefix(strings.ToLower(record.Text()), "v=dmarc1")
}

func purposeOf(record dns.Record) purpose {
	text := strings.ToLower(record.Text())
	switch {
	case record.Type == "MX":
		return exchanger
	case record.Type != "TXT":
		return other
	case isSPF(text):
		return sender
	case strings.HasPrefix(record.Name, "_dmarc.") && isDMARC(record):
		return policy
	case strings.Contains(record.Name, "._domainkey."):
		return signer
	}
	return other
}
