package deployconfig

import (
	"regexp"
	"strings"
)

// byCertbot are the lines that certbot's nginx plugin writes when it installs a certificate and a
// redirect (certbot-nginx, configurator.py and the blocks in constants.py). A path may be below
// another folder than /etc/letsencrypt.
var byCertbot = func() *regexp.Regexp {
	const mark = ` # managed by Certbot`
	lines := []string{
		`listen (\[::\]:)?443 ssl( ipv6only=on)?;` + mark,
		`ssl_certificate [\w./-]+/live/[\w.-]+/fullchain\.pem;` + mark,
		`ssl_certificate_key [\w./-]+/live/[\w.-]+/privkey\.pem;` + mark,
		`include [\w./-]+/options-ssl-nginx\.conf;` + mark,
		`ssl_dhparam [\w./-]+/ssl-dhparams\.pem;` + mark,
		`if \(\$host = [\w.-]+\) \{`, `return 301 https://\$host\$request_uri;`, `\}` + mark, `return 404;` + mark,
		`server \{`, `\}`,
	}
	return regexp.MustCompile(`^(` + strings.Join(lines, "|") + `)$`)
}()

// moved are the directives that certbot takes from a server to the one that redirects.
var moved = regexp.MustCompile(`^(listen|server_name) [^;{}]*;$`)

// NotByCertbot returns the lines by which two versions of a site's configuration differ and that
// certbot does not write: those that are new after a +, and those that are gone after a -.
func NotByCertbot(before, after []byte) []string {
	old, current := trimmedLines(before), trimmedLines(after)
	var strange []string
	for _, line := range current.order {
		if !old.has[line] && !byCertbot.MatchString(line) {
			strange = append(strange, "+ "+line)
		}
	}
	for _, line := range old.order {
		if !current.has[line] && !byCertbot.MatchString(line) && !moved.MatchString(line) {
			strange = append(strange, "- "+line)
		}
	}
	return strange
}

// lineSet has the distinct lines of a text that are not blank, without their indentation.
type lineSet struct {
	order []string
	has   map[string]bool
}

func trimmedLines(text []byte) lineSet {
	set := lineSet{has: map[string]bool{}}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !set.has[line] {
			set.has[line], set.order = true, append(set.order, line)
		}
	}
	return set
}
