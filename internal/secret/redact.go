package secret

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// shortest is how long a secret must be to be looked for in texts: shorter ones are words.
const shortest = 8

// known are the values of all secrets that this process read, which texts of others may repeat.
// The longest come first, since one may begin with another.
var known struct {
	sync.RWMutex
	values []string
}

// remember lets [Redact] find a value.
func remember(value string) {
	known.Lock()
	defer known.Unlock()
	if len(value) < shortest || slices.Contains(known.values, value) {
		return
	}
	known.values = append(known.values, value)
	slices.SortFunc(known.values, func(a, b string) int { return len(b) - len(a) })
}

// shapes are secrets by their form; what is in their groups stays, before and after the secret.
var shapes = []*regexp.Regexp{
	// A password in a URL (RFC 3986 §3.2.1).
	regexp.MustCompile(`(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(@)`),
	// RFC 9110 §11.6.2.
	regexp.MustCompile(`((?i:\bauthorization:\s*(?:basic|bearer|token)|\bbearer)\s+)[A-Za-z0-9._~+/=-]{8,}`),
	// What a program was given as a variable or an option.
	regexp.MustCompile(`((?i:\b[a-z0-9_-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)["']?=))` +
		`(?:"[^"]+"|'[^']+'|[^\s"']+)`),
	// Tokens that say whose they are: Slack, GitHub, GitLab, AWS.
	regexp.MustCompile(`\b(?:xox[a-z]-|xapp-|gh[a-z]_|github_pat_|glpat-)[A-Za-z0-9_-]{10,}`),
	regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`),
}

// Redact returns a text of another program with the secrets in it replaced: those of this process,
// and what has the form of one.
func Redact(text string) string {
	known.RLock()
	defer known.RUnlock()
	for _, value := range known.values {
		text = strings.ReplaceAll(text, value, Redacted)
	}
	for _, shape := range shapes {
		text = shape.ReplaceAllString(text, "${1}"+Redacted+"${2}") // a group that a shape lacks is empty
	}
	return text
}
