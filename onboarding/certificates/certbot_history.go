package certificates

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// readArchive prints the latest certificates of one lineage, and never a key.
const readArchive = `cd /etc/letsencrypt/archive 2>/dev/null && cd -- "./$1" 2>/dev/null || exit 0
find . -maxdepth 1 -name 'cert*.pem' -type f -printf '%T@ %f\n' | sort -rn | head -n 50 | cut -d' ' -f2- | tar -cf - --no-recursion . -T -`

// readFailures prints the offset of the host's clock from UTC, and the failed validations in recent logs.
const readFailures = `date +%z
find /var/log/letsencrypt -maxdepth 1 -name 'letsencrypt.log*' -type f -mmin -1500 -exec grep -ahE 'Challenge failed for domain ' {} + 2>/dev/null | tail -n 500
true`

// History reads what the host's records say of past attempts for one lineage.
func (c Certbot) History(ctx context.Context, host, lineage string) (History, error) {
	if !lineageName.MatchString(lineage) {
		return History{}, fmt.Errorf("certbot on %s: unusable certificate name %q", host, lineage)
	}
	archive, err := c.output(ctx, host, readArchive, lineage)
	if err != nil {
		return History{}, fmt.Errorf("certbot's archive on %s: %w", host, err)
	}
	files, err := untar(archive)
	if err != nil {
		return History{}, fmt.Errorf("certbot's archive on %s: %w", host, err)
	}
	var history History
	for name, text := range files {
		if chain := parseChain(text); strings.HasPrefix(path.Base(name), "cert") && len(chain) > 0 {
			issued := describe(chain[0])
			history.Issued = append(history.Issued, Issuance{Serial: issued.Serial, Names: issued.Names, At: issued.NotBefore})
		}
	}
	slices.SortFunc(history.Issued, func(a, b Issuance) int { return b.At.Compare(a.At) })
	log, err := c.output(ctx, host, readFailures)
	if err != nil {
		return History{}, fmt.Errorf("certbot's log on %s: %w", host, err)
	}
	history.Failed = parseFailures(log)
	return history, nil
}

var failedChallenge = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+:.*Challenge failed for domain ([A-Za-z0-9.*-]{1,253})$`)

// parseFailures reads lines of certbot's log, whose times are the host's own, below the offset of that clock.
func parseFailures(text []byte) []Failure {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	offset := strings.TrimSpace(string(first))
	var failures []Failure
	for line := range strings.Lines(string(rest)) {
		match := failedChallenge.FindStringSubmatch(strings.TrimSpace(line))
		if match == nil {
			continue
		}
		if at, err := time.Parse("2006-01-02 15:04:05 -0700", match[1]+" "+offset); err == nil {
			failures = append(failures, Failure{Name: strings.ToLower(match[2]), At: at.UTC()})
		}
	}
	return failures
}
