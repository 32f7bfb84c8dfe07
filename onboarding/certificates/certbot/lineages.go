package certbot

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// readLineages prints the configuration and the certificate chain of every lineage as a tar
// archive.
const readLineages = `cd /etc/letsencrypt 2>/dev/null && [ -d renewal ] && [ -d live ] || exit 0
{
	find renewal -maxdepth 1 -name '*.conf' -type f
	find -L live -mindepth 2 -maxdepth 2 -name fullchain.pem -type f
} | tar -chf - --no-recursion renewal -T -`

// Lineages returns the lineages on a host, sorted by name, with a single command. Like certbot, it
// skips what it cannot read as a lineage.
func (h Hosts) Lineages(ctx context.Context, host string) ([]certificates.Lineage, error) {
	archive, err := h.output(ctx, host, readLineages)
	if err != nil {
		return nil, fmt.Errorf("certbot on %s: %w", host, err)
	}
	files, err := untar(archive)
	if err != nil {
		return nil, fmt.Errorf("certbot on %s: %w", host, err)
	}
	var lineages []certificates.Lineage
	for file, text := range files {
		name, ok := strings.CutSuffix(path.Base(file), ".conf")
		if !ok || !lineageName.MatchString(name) {
			continue
		}
		chain := parseChain(files["live/"+name+"/fullchain.pem"])
		if len(chain) == 0 {
			continue
		}
		lineage := parseRenewal(text)
		lineage.Name, lineage.Certificate = name, certificates.FromX509(chain[0])
		lineages = append(lineages, lineage)
	}
	slices.SortFunc(lineages, func(a, b certificates.Lineage) int { return strings.Compare(a.Name, b.Name) })
	return lineages, nil
}

// parseRenewal reads the keys that are needed here from a renewal configuration:
// https://eff-certbot.readthedocs.io/en/stable/using.html.
func parseRenewal(text []byte) certificates.Lineage {
	var lineage certificates.Lineage
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch strings.TrimSpace(key) {
		case "server":
			lineage.Directory = value
		case "authenticator":
			lineage.Authenticator = value
		case "autorenew":
			lineage.Manual = strings.EqualFold(value, "false")
		case "renew_before_expiry":
			lineage.RenewBefore = parseInterval(value)
		}
	}
	return lineage
}

// parseInterval reads an interval such as "30 days". It returns 0 for what it cannot read. A
// number without a unit is days.
func parseInterval(text string) time.Duration {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > 10000 {
		return 0
	}
	switch strings.TrimSuffix(strings.TrimSpace(unit), "s") {
	case "", "day":
		return time.Duration(n) * 24 * time.Hour
	case "hour":
		return time.Duration(n) * time.Hour
	case "minute":
		return time.Duration(n) * time.Minute
	case "second":
		return time.Duration(n) * time.Second
	case "week":
		return time.Duration(n) * 7 * 24 * time.Hour
	}
	return 0
}
