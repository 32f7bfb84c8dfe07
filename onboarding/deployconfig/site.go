package deployconfig

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Site is what makes an nginx/prod.conf that of one domain.
type Site struct {
	ServerNames []string // lower-case host names, IDNs in A-labels
	Root        string   // absolute, without variables
}

// Server is what a server block says by itself, not in its locations.
type Server struct {
	Line           int // 1-based, of its first word
	Listen         []string
	ServerNames    []string
	Root           string // empty where the block names none
	Certificate    string // ssl_certificate
	CertificateKey string // ssl_certificate_key
	TLS            bool   // some listen has ssl or quic
}

// hostName is a name as RFC 1123 section 2.1 allows, in the form DNS compares.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// rootPath keeps out nginx's variables, quotes and blanks, so it needs no quoting.
var rootPath = regexp.MustCompile(`^/[A-Za-z0-9._@/+-]*$`)

func (s Site) validate() error {
	if len(s.ServerNames) == 0 {
		return errors.New("no server names")
	}
	for i, name := range s.ServerNames {
		if !hostName.MatchString(name) || len(name) > 253 {
			return fmt.Errorf("server name %q is not a host name", name)
		}
		if slices.Contains(s.ServerNames[:i], name) {
			return fmt.Errorf("server name %q appears twice", name)
		}
	}
	if !rootPath.MatchString(s.Root) || path.Clean(s.Root) != s.Root || s.Root == "/" {
		return fmt.Errorf("root %q is not a plain absolute path", s.Root)
	}
	return nil
}

// Servers returns the server blocks of a site's configuration in their order.
func Servers(src []byte) ([]Server, error) {
	conf, err := parseNginx(src)
	if err != nil {
		return nil, fmt.Errorf("nginx configuration: %w", err)
	}
	var servers []Server
	for _, block := range conf.servers() {
		server := Server{Line: lineOf(src, block.args[0].start)}
		for _, d := range block.block {
			values := d.values()
			switch d.name() {
			case "listen":
				server.Listen = append(server.Listen, strings.Join(values, " "))
				server.TLS = server.TLS || slices.Contains(values, "ssl") || slices.Contains(values, "quic")
			case "server_name":
				server.ServerNames = append(server.ServerNames, values...)
			case "root":
				server.Root = strings.Join(values, " ")
			case "ssl_certificate":
				server.Certificate = strings.Join(values, " ")
			case "ssl_certificate_key":
				server.CertificateKey = strings.Join(values, " ")
			}
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// servers are the server blocks at the top, where a site's file has them, and in http blocks.
func (c configuration) servers() []directive {
	var found []directive
	for _, d := range c.directives {
		switch {
		case d.name() == "server" && d.block != nil:
			found = append(found, d)
		case d.name() == "http":
			found = append(found, configuration{directives: d.block}.servers()...)
		}
	}
	return found
}

// SetSite puts the names and the root into every server block. All blocks must answer to the same
// names so far, each with one server_name; a root is replaced where a block has one itself, and at
// least one block must.
func SetSite(src []byte, site Site) ([]byte, error) {
	if err := site.validate(); err != nil {
		return nil, err
	}
	edited, err := setSite(src, site)
	if err != nil {
		return nil, fmt.Errorf("nginx configuration: %w", err)
	}
	return edited, nil
}

func setSite(src []byte, site Site) ([]byte, error) {
	conf, err := parseNginx(src)
	if err != nil {
		return nil, err
	}
	places, err := sitePlaces(src, conf)
	if err != nil {
		return nil, err
	}
	var edits []edit
	for _, d := range places {
		values := site.ServerNames
		if d.name() == "root" {
			values = []string{site.Root}
		}
		more, err := replaceArgs(src, d, values)
		if err != nil {
			return nil, err
		}
		edits = append(edits, more...)
	}
	out := splice(src, edits)
	after, err := parseNginx(out)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errChanged, err)
	}
	if again, err := sitePlaces(out, after); err != nil || len(again) != len(places) ||
		!sameButSite(conf.directives, after.directives, 0) {
		return nil, errors.Join(errChanged, err)
	}
	servers, err := Servers(out)
	if err != nil {
		return nil, err
	}
	for _, server := range servers {
		if !slices.Equal(server.ServerNames, site.ServerNames) || server.Root != "" && server.Root != site.Root {
			return nil, errChanged
		}
	}
	return out, nil
}

// sitePlaces finds the directives to set, or says why that would be a guess.
func sitePlaces(src []byte, conf configuration) ([]directive, error) {
	servers := conf.servers()
	if len(servers) == 0 {
		return nil, errors.New("has no server block")
	}
	var places []directive
	var names []string
	roots := 0
	for i, server := range servers {
		line := lineOf(src, server.args[0].start)
		var found, root []directive
		for _, d := range server.block {
			switch d.name() {
			case "server_name":
				found = append(found, d)
			case "root":
				root = append(root, d)
			}
		}
		if len(found) != 1 || len(found[0].args) < 2 {
			return nil, fmt.Errorf("line %d: the server block must have one server_name with a name, and has %d", line,
				len(found))
		}
		if len(root) > 1 || len(root) == 1 && len(root[0].args) != 2 {
			return nil, fmt.Errorf("line %d: the server block must have one root with one path", line)
		}
		sorted := slices.Sorted(slices.Values(found[0].values()))
		if i > 0 && !slices.Equal(sorted, names) {
			return nil, fmt.Errorf("line %d: the server blocks answer to different names (%s; %s): which are the "+
				"domain's?", line, strings.Join(names, " "), strings.Join(sorted, " "))
		}
		names = sorted
		roots += len(root)
		places = append(append(places, found...), root...)
	}
	if roots == 0 {
		return nil, errors.New("no server block has a root")
	}
	return places, nil
}

// replaceArgs touches nothing where the values are there already, and each argument by itself
// where their number stays.
func replaceArgs(src []byte, d directive, values []string) ([]edit, error) {
	args := d.args[1:]
	if slices.Equal(d.values(), values) {
		return nil, nil
	}
	if len(args) == len(values) {
		var edits []edit
		for i, arg := range args {
			if arg.value != values[i] {
				edits = append(edits, edit{arg.start, arg.end, values[i]})
			}
		}
		return edits, nil
	}
	start, end := args[0].start, args[len(args)-1].end
	for i := 1; i < len(args); i++ {
		if gap := src[args[i-1].end:args[i].start]; len(bytes.TrimSpace(gap)) > 0 {
			return nil, fmt.Errorf("line %d: a comment stands between the arguments of %s", lineOf(src, args[i].start),
				d.name())
		}
	}
	return []edit{{start, end, strings.Join(values, " ")}}, nil
}

// sameButSite compares two configurations but for the values that SetSite sets. inServer is how
// deep below a server block.
func sameButSite(a, b []directive, inServer int) bool {
	return slices.EqualFunc(a, b, func(x, y directive) bool {
		if x.name() != y.name() || (x.block == nil) != (y.block == nil) {
			return false
		}
		set := inServer == 1 && (x.name() == "server_name" || x.name() == "root")
		below := 0
		if inServer > 0 || x.name() == "server" && x.block != nil {
			below = inServer + 1
		}
		return (set || slices.Equal(x.values(), y.values())) && sameButSite(x.block, y.block, below)
	})
}

// ManagedByCertbot reports whether certbot has edited the configuration: its comment on a
// directive. A file that cannot be parsed is not taken for managed.
func ManagedByCertbot(src []byte) bool {
	conf, err := parseNginx(src)
	return err == nil && slices.ContainsFunc(conf.comments, func(comment string) bool {
		return strings.TrimSpace(strings.TrimLeft(comment, "#")) == "managed by Certbot"
	})
}

// SameButBlankLines reports whether two files differ in nothing but blank lines and line ends,
// which certbot adds on each run.
func SameButBlankLines(a, b []byte) bool {
	return slices.Equal(nonBlank(a), nonBlank(b))
}

func nonBlank(src []byte) []string {
	var lines []string
	for line := range strings.Lines(string(src)) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
