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
var known sync.Map

// remember lets [Redact] find a value.
func remember(value string) {
	if len(value) >= shortest {
		known.Store(value, nil)
	}
}

// shapes are secrets by their form; what is in the first group stays.
var shapes = []*regexp.Regexp{
	// A password in a URL (RFC 3986 §3.2.1).
	regexp.MustCompile(`(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?:@)`),
	// RFC 9110 §11.6.2.
	regexp.MustCompile(`((?i:\bauthorization:\s*(?:basic|bearer|token)|\bbearer)\s+)[A-Za-z0-9._~+/=-]{8,}`),
	// What a program was given as a variable or an option.
	regexp.MustCompile(`((?i:\b[a-z0-9_-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)["']?=))` +
		`(?:"[^"]+"|'[^']+'|[^\s"']+)`),
	// Tokens that say whose they are: Slack, GitHub, GitLab, AWS.
	regexp.MustCompile(`(\b)(?:xox[a-z]-|xapp-|gh[a-z]_|github_pat_|glpat-)[A-Za-z0-9_-]{10,}`),
	regexp.MustCompile(`(\b)(?:AKIA|ASIA)[A-Z0-9]{16}\b`),
}

// Redact returns a text of another program with the secrets in it replaced: those of this process,
// and what has the form of one.
func Redact(text string) string {
	for _, value := range longestFirst() {
		text = strings.ReplaceAll(text, value, Redacted)
	}
	for i, shape := range shapes {
		end := ""
		if i == 0 {
			end = "@"
		}
		text = shape.ReplaceAllString(text, "${1}"+Redacted+end)
	}
	return text
}

// longestFirst returns all known secrets, each before those that it may begin with.
func longestFirst() []string {
	var values []string
	known.Range(func(value, _ any) bool {
		values = append(values, value.(string))
		return true
	})
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	return values
}
