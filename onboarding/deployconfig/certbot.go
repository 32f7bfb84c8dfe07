package deployconfig

import (
	"regexp"
	"strings"
)

// byCertbot returns what matches the lines that certbot's nginx plugin writes when it installs a
// certificate and a redirect (certbot-nginx, configurator.py and the blocks in constants.py). The
// files of certbot are below /etc/letsencrypt, or where the version before had the certificate:
// whoever writes the configuration must not choose the folder. The certificate and the redirects
// are for names of the configuration; certbot adds a number to the folder of a certificate if it
// has one of that name already.
func byCertbot(before, conf lineSet) *regexp.Regexp {
	const mark = ` # managed by Certbot`
	folder, names := `/etc/letsencrypt`, []string{`_`}
	for _, line := range before.order {
		if found := certificateLine.FindStringSubmatch(line); found != nil {
			folder = regexp.QuoteMeta(found[1])
		}
	}
	for _, line := range conf.order {
		if found := namesLine.FindStringSubmatch(line); found != nil {
			for _, name := range strings.Fields(found[1]) {
				names = append(names, regexp.QuoteMeta(strings.Trim(name, `"'`)))
			}
		}
	}
	name := `(` + strings.Join(names, "|") + `)`
	lines := []string{
		`listen (\[::\]:)?443 ssl( ipv6only=on)?;` + mark,
		`ssl_certificate ` + folder + `/live/` + name + `(-\d{4})?/fullchain\.pem;` + mark,
		`ssl_certificate_key ` + folder + `/live/` + name + `(-\d{4})?/privkey\.pem;` + mark,
		`include ` + folder + `/options-ssl-nginx\.conf;` + mark,
		`ssl_dhparam ` + folder + `/ssl-dhparams\.pem;` + mark,
		`if \(\$host = ` + name + `\) \{`, `return 301 https://\$host\$request_uri;`, `\}` + mark, `return 404;` + mark,
		`server \{`, `\}`,
	}
	return regexp.MustCompile(`^(` + strings.Join(lines, "|") + `)$`)
}

var (
	certificateLine = regexp.MustCompile(`^ssl_certificate (/[\w./-]+)/live/[\w.-]+/fullchain\.pem;`)
	namesLine       = regexp.MustCompile(`^server_name ([^;{}]*);$`)
)

// moved are the directives that certbot takes from a server to the one that redirects.
var moved = regexp.MustCompile(`^(listen|server_name) [^;{}]*;$`)

// NotByCertbot returns the lines by which two versions of a site's configuration differ and that
// certbot does not write: those that are new after a +, and those that are gone after a -.
func NotByCertbot(before, after []byte) []string {
	old, current := trimmedLines(before), trimmedLines(after)
	ofCertbot := byCertbot(old, current)
	var strange []string
	for _, line := range current.order {
		more := current.count[line] > old.count[line] && !(old.count[line] > 0 && moved.MatchString(line))
		if more && !ofCertbot.MatchString(line) {
			strange = append(strange, "+ "+line)
		}
	}
	for _, line := range old.order {
		if current.count[line] < old.count[line] && !ofCertbot.MatchString(line) && !moved.MatchString(line) {
			strange = append(strange, "- "+line)
		}
	}
	return strange
}

// lineSet has the distinct lines of a text that are not blank, without their indentation, and how
// often each is there.
type lineSet struct {
	order []string
	count map[string]int
}

func trimmedLines(text []byte) lineSet {
	set := lineSet{count: map[string]int{}}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if set.count[line]++; set.count[line] == 1 {
			set.order = append(set.order, line)
		}
	}
	return set
}
