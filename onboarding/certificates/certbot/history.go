package certbot

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// readArchive prints the newest certificates of one lineage as a tar archive.
const readArchive = `cd /etc/letsencrypt/archive 2>/dev/null && cd -- "./$1" 2>/dev/null || exit 0
find . -maxdepth 1 -name 'cert*.pem' -type f -printf '%T@ %f\n' | sort -rn | head -n 50 | cut -d' ' -f2- |
	tar -cf - --no-recursion . -T -`

// readFailures prints the offset of the host's clock from UTC, then the failed validations in the
// logs of about the last day.
const readFailures = `date +%z
find /var/log/letsencrypt -maxdepth 1 -name 'letsencrypt.log*' -type f -mmin -1500 \
	-exec grep -ahE 'Challenge failed for domain ' {} + 2>/dev/null | tail -n 500
true`

// History returns what the host's own records say about past attempts to issue one lineage.
func (h Hosts) History(ctx context.Context, host, lineage string) (certificates.History, error) {
	var history certificates.History
	if !lineageName.MatchString(lineage) {
		return history, fmt.Errorf("certbot on %s: unusable certificate name %q", host, lineage)
	}
	archive, err := h.output(ctx, host, readArchive, lineage)
	if err != nil {
		return history, fmt.Errorf("certbot's archive on %s: %w", host, err)
	}
	if history.Issued, err = parseIssuances(archive); err != nil {
		return history, fmt.Errorf("certbot's archive on %s: %w", host, err)
	}
	log, err := h.output(ctx, host, readFailures)
	if err != nil {
		return history, fmt.Errorf("certbot's log on %s: %w", host, err)
	}
	history.Failed = parseFailures(log)
	return history, nil
}

// parseIssuances reads the certificates of an archive, the newest first.
func parseIssuances(archive []byte) ([]certificates.Issuance, error) {
	files, err := untar(archive)
	if err != nil {
		return nil, err
	}
	var issued []certificates.Issuance
	for name, text := range files {
		chain := parseChain(text)
		if !strings.HasPrefix(path.Base(name), "cert") || len(chain) == 0 {
			continue
		}
		c := certificates.FromX509(chain[0])
		issued = append(issued, certificates.Issuance{Serial: c.Serial, Names: c.Names, At: c.NotBefore})
	}
	slices.SortFunc(issued, func(a, b certificates.Issuance) int { return b.At.Compare(a.At) })
	return issued, nil
}

var failedChallenge = regexp.MustCompile(
	`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+:.*Challenge failed for domain ([A-Za-z0-9.*-]{1,253})$`)

// parseFailures reads what readFailures prints. certbot logs in the host's local time, so the
// first line gives its offset.
func parseFailures(text []byte) []certificates.Failure {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	offset := strings.TrimSpace(string(first))
	var failures []certificates.Failure
	for line := range strings.Lines(string(rest)) {
		match := failedChallenge.FindStringSubmatch(strings.TrimSpace(line))
		if match == nil {
			continue
		}
		if at, err := time.Parse("2006-01-02 15:04:05 -0700", match[1]+" "+offset); err == nil {
			failures = append(failures, certificates.Failure{Name: strings.ToLower(match[2]), At: at.UTC()})
		}
	}
	return failures
}
