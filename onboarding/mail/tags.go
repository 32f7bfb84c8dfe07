package mail

import (
	"fmt"
	"regexp"
	"strings"
)

// tags is a tag list of DKIM or DMARC: RFC 6376 §3.2, RFC 7489 §6.4.
type tags []tag

type tag struct{ name, value string }

var tagName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`)

func parseTags(text string) (tags, error) {
	var list tags
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(text), ";"), ";") {
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !tagName.MatchString(name) {
			return nil, fmt.Errorf("%q is not of the form name=value", shorten(part))
		}
		if list.has(name) {
			return nil, fmt.Errorf("it has %s twice", name)
		}
		list = append(list, tag{name, value})
	}
	return list, nil
}

func (t tags) has(name string) bool {
	for _, tag := range t {
		if tag.name == name {
			return true
		}
	}
	return false
}

func (t tags) get(name string) string {
	for _, tag := range t {
		if tag.name == name {
			return tag.value
		}
	}
	return ""
}

// parseDMARC parses a policy: RFC 7489 §6.3.
func parseDMARC(text string) (tags, error) {
	list, err := parseTags(text)
	switch {
	case err != nil:
		return nil, err
	case list[0].name != "v" || list[0].value != "DMARC1":
		return nil, fmt.Errorf("%q does not begin with v=DMARC1", shorten(text))
	case strictness(list.get("p")) < 0:
		return nil, fmt.Errorf("its policy p=%s is neither none, quarantine nor reject", shorten(list.get("p")))
	}
	return list, nil
}

// strictness orders policies. It is -1 for what is not a policy.
func strictness(policy string) int {
	for i, known := range []string{"none", "quarantine", "reject"} {
		if strings.EqualFold(policy, known) {
			return i
		}
	}
	return -1
}
