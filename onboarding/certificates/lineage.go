package certificates

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// Lineage is what certbot calls a certificate with all its renewals.
type Lineage struct {
	Name        string      `json:"name"` // for --cert-name
	Certificate Certificate `json:"certificate"`
	// Directory is the ACME directory it comes from.
	Directory string `json:"directory,omitempty"`
	// RenewBefore is how long before its expiry certbot renews it, 0 where its configuration does not say.
	RenewBefore time.Duration `json:"renew_before_ns,omitempty"`
	// Manual says that somebody turned automatic renewal off.
	Manual bool `json:"manual,omitempty"`
	// Authenticator is how certbot proves control of the names, such as nginx or webroot.
	Authenticator string `json:"authenticator,omitempty"`
}

// Covers says whether the certificate on disk is for a name.
func (l Lineage) Covers(name string) bool { return l.Certificate.leaf.VerifyHostname(name) == nil }

// Host runs commands where certbot is.
type Host interface {
	Output(ctx context.Context, c hosts.Command) ([]byte, error)
}

var _ Host = (*hosts.Host)(nil)

// Certbot reads what certbot knows, on each host by its name.
type Certbot map[string]Host

// ErrNoHost says that a site names a host that is not configured.
var ErrNoHost = errors.New("no such host")

func (c Certbot) output(ctx context.Context, host, script string, args ...string) ([]byte, error) {
	machine, ok := c[host]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoHost, host)
	}
	return machine.Output(ctx, hosts.Command{Argv: append([]string{"sh", "-c", script, "sh"}, args...), Timeout: time.Minute})
}

// readLineages prints the configuration and the chain of every lineage, and never a key.
const readLineages = `cd /etc/letsencrypt 2>/dev/null && [ -d renewal ] && [ -d live ] || exit 0
{ find renewal -maxdepth 1 -name '*.conf' -type f; find -L live -mindepth 2 -maxdepth 2 -name fullchain.pem -type f; } |
	tar -chf - --no-recursion renewal -T -`

// Lineages returns what certbot has on a host, by name, read in one command. What cannot be read as a lineage is left out: certbot
// itself skips it.
func (c Certbot) Lineages(ctx context.Context, host string) ([]Lineage, error) {
	archive, err := c.output(ctx, host, readLineages)
	if err != nil {
		return nil, fmt.Errorf("certbot on %s: %w", host, err)
	}
	files, err := untar(archive)
	if err != nil {
		return nil, fmt.Errorf("certbot on %s: %w", host, err)
	}
	var lineages []Lineage
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
		lineage.Name, lineage.Certificate = name, describe(chain[0])
		lineages = append(lineages, lineage)
	}
	slices.SortFunc(lineages, func(a, b Lineage) int { return strings.Compare(a.Name, b.Name) })
	return lineages, nil
}

// lineageName is what may go into a command line. It is the host that names lineages.
var lineageName = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9._*-]{0,254}$`)

// maxFile bounds one file of certbot's.
const maxFile = 1 << 20

func untar(archive []byte) (map[string][]byte, error) {
	files := make(map[string][]byte)
	if len(archive) == 0 {
		return files, nil
	}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg || header.Size > maxFile {
			continue
		}
		if files[path.Clean(header.Name)], err = io.ReadAll(reader); err != nil {
			return nil, err
		}
	}
}

// parseChain reads certificates one after another, the leaf first, and stops at the first thing that is none.
func parseChain(text []byte) []*x509.Certificate {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil && len(chain) < 10; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return chain
		}
		chain = append(chain, certificate)
	}
	return chain
}

// parseRenewal reads the keys of a renewal configuration that matter here: https://eff-certbot.readthedocs.io/en/stable/using.html.
func parseRenewal(text []byte) Lineage {
	var lineage Lineage
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

// parseInterval reads an interval such as "30 days", 0 for what it does not know. A bare number is days.
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
