package certbot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// readLog prints the end of certbot's log.
const readLog = `tail -n 400 /var/log/letsencrypt/letsencrypt.log 2>/dev/null || true`

const (
	maxLogLines  = 12
	maxLogLength = 300 // runes of a line
)

// LogErrors returns the last lines of certbot's log that report a problem, the oldest first.
func (h Hosts) LogErrors(ctx context.Context, host string) ([]string, error) {
	out, err := h.output(ctx, host, readLog)
	if err != nil {
		return nil, fmt.Errorf("certbot's log on %s cannot be read: %w", host, err)
	}
	return parseLog(out), nil
}

func parseLog(log []byte) []string {
	var reported []string
	for line := range strings.Lines(string(log)) {
		if line = certificates.Printable(strings.TrimSpace(line), maxLogLength); reportsProblem(line) {
			reported = append(reported, line)
		}
	}
	return reported[max(0, len(reported)-maxLogLines):]
}

var (
	problemPrefixes = []string{"Domain:", "Type:", "Detail:"}
	problemWords    = []string{
		":WARNING:", ":ERROR:", ":CRITICAL:", "Challenge failed", "urn:ietf:params:acme:error:", "rror: ",
	}
)

// reportsProblem reports whether a line of certbot's log says what went wrong: its own messages
// above INFO, and the authority's problem documents as certbot prints them.
func reportsProblem(line string) bool {
	if strings.Contains(line, ":DEBUG:") {
		return false
	}
	return slices.ContainsFunc(problemPrefixes, func(prefix string) bool { return strings.HasPrefix(line, prefix) }) ||
		slices.ContainsFunc(problemWords, func(word string) bool { return strings.Contains(line, word) })
}
