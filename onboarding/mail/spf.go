package mail

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// spf is an SPF record: RFC 7208.
type spf struct{ terms []term }

// term is a mechanism or a modifier.
type term struct {
	text      string // as it is written
	name      string // lower case
	value     string // domain of a mechanism or value of a modifier, empty for the domain itself
	qualifier byte   // 0 for a modifier
}

// isSPF reports whether the text of a TXT record, in lower case, is an SPF record: RFC 7208 §4.5.
func isSPF(text string) bool {
	rest, ok := strings.CutPrefix(text, "v=spf1")
	return ok && (rest == "" || rest[0] == ' ')
}

var (
	spfModifier = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.-]*)=(.*)$`)
	mechanisms  = []string{"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}
)

func parseSPF(text string) (spf, error) {
	if !isSPF(strings.ToLower(text)) {
		return spf{}, fmt.Errorf("%q does not begin with v=spf1", shorten(text))
	}
	var record spf
	for _, word := range strings.Fields(text)[1:] {
		t := term{text: word}
		if found := spfModifier.FindStringSubmatch(word); found != nil {
			t.name, t.value = strings.ToLower(found[1]), found[2]
			if t.name == "redirect" && (t.value == "" || record.find("redirect") >= 0) {
				return spf{}, fmt.Errorf("%q is wrong: there is at most one redirect, to one domain", shorten(word))
			}
			record.terms = append(record.terms, t)
			continue
		}
		rest := word
		t.qualifier = '+'
		if strings.ContainsRune("+-~?", rune(rest[0])) {
			t.qualifier, rest = rest[0], rest[1:]
		}
		name := rest
		if i := strings.IndexAny(rest, ":/"); i >= 0 {
			name, t.value = rest[:i], rest[i:]
		}
		if t.name = strings.ToLower(name); !slices.Contains(mechanisms, t.name) {
			return spf{}, fmt.Errorf("%q is not an SPF mechanism", shorten(word))
		}
		if domain, ok := strings.CutPrefix(t.value, ":"); ok && t.name != "ip6" && t.name != "ip4" {
			t.value, _, _ = strings.Cut(domain, "/")
		} else if t.name == "a" || t.name == "mx" {
			t.value = "" // a prefix length alone
		}
		if t.value == "" && (t.name == "include" || t.name == "exists" || t.name == "ip4" || t.name == "ip6") {
			return spf{}, fmt.Errorf("%q has no value", shorten(word))
		}
		record.terms = append(record.terms, t)
	}
	return record, nil
}

func (s spf) find(name string) int {
	return slices.IndexFunc(s.terms, func(t term) bool { return t.name == name })
}

// all is the index of the mechanism that ends the record, -1 without one.
func (s spf) all() int { return s.find("all") }

// String is the record's text.
func (s spf) String() string {
	words := []string{"v=spf1"}
	for _, t := range s.terms {
		words = append(words, t.text)
	}
	return strings.Join(words, " ")
}

// key is the mechanism without its qualifier, for comparison.
func (t term) key() string { return strings.ToLower(strings.TrimLeft(t.text, "+-~?")) }

// contradictionError reports that the published record denies what the pattern allows, or the
// other way round.
type contradictionError struct{ theirs, ours string }

// Error continues "The SPF record of DOMAIN".
func (e *contradictionError) Error() string {
	return "has " + e.theirs + ", but " + e.ours + " is needed"
}

// mergeSPF adds our mechanisms to their record, which otherwise stays as it is, including how it
// ends: they know who else sends for them. Receivers ignore what follows all (RFC 7208 §5.1), so
// ours go before it.
func mergeSPF(theirs, ours spf) (merged spf, note string, err error) {
	end := theirs.all()
	if end < 0 {
		end = len(theirs.terms)
	}
	for end > 0 && theirs.terms[end-1].qualifier == 0 {
		end-- // a redirect applies at the end wherever it is written, and reads best there
	}
	head, tail := slices.Clone(theirs.terms[:end]), theirs.terms[end:]
	for _, t := range ours.terms {
		if t.name == "all" || t.qualifier == 0 {
			continue
		}
		i := slices.IndexFunc(head, func(other term) bool { return other.qualifier != 0 && other.key() == t.key() })
		switch {
		case i < 0:
			head = append(head, t)
		case head[i].qualifier != t.qualifier:
			return spf{}, "", &contradictionError{head[i].text, t.text}
		}
	}
	merged = spf{append(head, tail...)}
	return merged, endNote(theirs, ours), nil
}

// endNote says that their record ends in another way than ours, and stays so. It is empty if both
// end alike.
func endNote(theirs, ours spf) string {
	mine := ours.all()
	switch end := theirs.all(); {
	case mine < 0:
		return ""
	case end < 0 && theirs.find("redirect") >= 0:
		return "The published SPF record was kept. It ends with a redirect."
	case end < 0:
		return fmt.Sprintf("The published SPF record was kept. It does not end with all; the configuration says %s.",
			ours.terms[mine].text)
	case theirs.terms[end].qualifier != ours.terms[mine].qualifier:
		return fmt.Sprintf("The published SPF record was kept. It ends with %s; the configuration says %s.",
			theirs.terms[end].text, ours.terms[mine].text)
	}
	return ""
}
