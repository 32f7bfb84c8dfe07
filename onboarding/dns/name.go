package dns

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// ErrName is wrapped by every complaint about a name.
var ErrName = errors.New("not a usable domain name")

const (
	maxName  = 253 // octets in text form without the final dot: RFC 1035 §2.3.4
	maxLabel = 63
)

// Name returns the canonical form in which this package writes names: lower case, punycode, no
// final dot. Labels hold letters, digits, hyphens and underscores (_dmarc, selector._domainkey);
// the first may be a single asterisk.
func Name(name string) (string, error) {
	text := strings.ToLower(strings.TrimSuffix(name, "."))
	if !isASCII(text) {
		ascii, err := idna.Lookup.ToASCII(text)
		if err != nil {
			return "", fmt.Errorf("%w: %q: %w", ErrName, name, err)
		}
		text = ascii
	}
	if text == "" || len(text) > maxName {
		return "", fmt.Errorf("%w: %q has %d octets, allowed are 1 to %d", ErrName, name, len(text), maxName)
	}
	for i, label := range strings.Split(text, ".") {
		if i == 0 && label == "*" {
			continue
		}
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("%w: %q: %w", ErrName, name, err)
		}
	}
	return text, nil
}

func checkLabel(label string) error {
	if label == "" || len(label) > maxLabel {
		return fmt.Errorf("label %q has %d octets, allowed are 1 to %d", label, len(label), maxLabel)
	}
	if label[0] == '-' || label[len(label)-1] == '-' {
		return fmt.Errorf("label %q begins or ends with a hyphen", label)
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("label %q holds %q", label, c)
		}
	}
	return nil
}

// within reports whether a canonical name is the zone's apex or below it.
func within(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
