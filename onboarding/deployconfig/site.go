package deployconfig

import (
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
	Line        int // 1-based, of its first word
	Listen      []string
	ServerNames []string
	Root        string // empty where the block names none
	TLS         bool   // some listen has ssl or quic
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
