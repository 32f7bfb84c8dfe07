package deployconfig

import (
	"regexp"
	"slices"
	"strings"
)

// ServesFile reports whether this configuration alone makes nginx answer a request over HTTP for a
// path of any of the names with the file below root, or lead to another of the names. It is false
// where anything else may answer, such as a password, a denial, another root or an include:
// ngx_http_core_module(8) says which location that is.
func ServesFile(src []byte, names []string, uri, root string) bool {
	conf, err := parseNginx(src)
	if err != nil {
		return false
	}
	served := map[string]bool{}
	for _, server := range conf.servers() {
		if !servesFile(server.block, names, uri, root) {
			return false
		}
		for _, name := range valuesOf(server.block, "server_name") {
			served[name] = true
		}
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !served[name] })
}

// harmless are the directives that change nothing about which file is served and to whom.
var harmless = regexp.MustCompile(`^(listen|server_name|index|charset|access_log|error_log|log_not_found|` +
	`add_header|expires|etag|gzip\w*|brotli\w*|client_\w+|server_tokens|types|default_type|sendfile|tcp_\w+|` +
	`autoindex|http2|http3|ssl_\w+|keepalive_\w+|send_timeout|large_client_header_buffers|port_in_redirect|` +
	`disable_symlinks|open_file_cache\w*|error_page|root|location|try_files)$`)

func servesFile(block []directive, names []string, uri, root string) bool {
	for _, d := range block {
		if d.name() == "return" {
			return leadsTo(d.values(), names) && !slices.ContainsFunc(block, func(other directive) bool {
				return other.name() != "return" && !harmless.MatchString(other.name())
			})
		}
	}
	location, ok := locationOf(block, uri)
	if !ok {
		return false
	}
	inEffect := func(name string) []string { // the location's own, else the server's
		if own := valuesOf(location.block, name); len(own) > 0 {
			return own
		}
		return valuesOf(block, name)
	}
	if roots := inEffect("root"); len(roots) == 0 || roots[0] != root {
		return false
	}
	if tried := inEffect("try_files"); len(tried) > 0 && tried[0] != "$uri" {
		return false
	}
	for _, d := range slices.Concat(block, location.block) {
		if !harmless.MatchString(d.name()) {
			return false
		}
	}
	return !slices.ContainsFunc(location.block, func(d directive) bool { return d.name() == "location" })
}

// leadsTo reports whether the arguments of return redirect to the same path of one of the names.
func leadsTo(args, names []string) bool {
	if len(args) != 2 || !slices.Contains([]string{"301", "302", "307", "308"}, args[0]) {
		return false
	}
	host, same := strings.CutSuffix(args[1], "$request_uri")
	for _, scheme := range []string{"http://", "$scheme://"} {
		if name, found := strings.CutPrefix(host, scheme); found && same && slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// locationOf returns the location of a server block that nginx chooses for a path, an empty one if
// there is none. It fails on a regular expression that Go does not know.
func locationOf(block []directive, uri string) (chosen directive, ok bool) {
	var prefix string
	for _, d := range block {
		if d.name() != "location" {
			continue
		}
		values := d.values()
		switch {
		case len(values) == 2 && values[0] == "=":
			if values[1] == uri {
				return d, true
			}
		case len(values) == 1 && !strings.HasPrefix(values[0], "@"), len(values) == 2 && values[0] == "^~":
			if at := values[len(values)-1]; strings.HasPrefix(uri, at) && len(at) > len(prefix) {
				chosen, prefix = d, at
			}
		}
	}
	if prefix != "" && len(chosen.args) == 3 { // ^~
		return chosen, true
	}
	for _, d := range block {
		values := d.values()
		if d.name() != "location" || len(values) != 2 || values[0] != "~" && values[0] != "~*" {
			continue
		}
		pattern := values[1]
		if values[0] == "~*" {
			pattern = "(?i)" + pattern
		}
		expression, err := regexp.Compile(pattern)
		if err != nil {
			return directive{}, false
		}
		if expression.MatchString(uri) {
			return d, true
		}
	}
	return chosen, true
}

// valuesOf are the arguments of all directives of a name in a block.
func valuesOf(block []directive, name string) []string {
	var values []string
	for _, d := range block {
		if d.name() == name {
			values = append(values, d.values()...)
		}
	}
	return values
}
