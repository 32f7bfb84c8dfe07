package workspace

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

// maxBody bounds what one Web API call may send.
const maxBody = 4 << 20

// arguments are a call's arguments by name: strings from a form, any JSON value from a JSON body.
type arguments map[string]any

// readArguments parses a call's query, form or JSON body. The string is Slack's error when it
// cannot.
func readArguments(r *http.Request, acceptsJSON bool) (arguments, string) {
	args := arguments{}
	add := func(values url.Values) {
		for name, v := range values {
			args[name] = v[0]
		}
	}
	add(r.URL.Query())
	if r.Method == http.MethodGet {
		return args, ""
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, "request_timeout"
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		if !acceptsJSON || len(body) == 0 {
			return args, "" // Slack reads no JSON here, and then misses the arguments.
		}
		v, err := blockcheck.Decode(body)
		if err != nil {
			return nil, "invalid_json"
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, "json_not_object"
		}
		delete(m, "token") // A token in a JSON body does not count: it belongs into the header.
		for name, v := range m {
			args[name] = v
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, "invalid_form_data"
		}
		add(values)
	case "":
		if len(body) > 0 {
			return nil, "missing_post_type"
		}
	default:
		return nil, "invalid_post_type"
	}
	return args, ""
}

func (a arguments) has(name string) bool { v, ok := a[name]; return ok && v != nil }

func (a arguments) str(name string) string {
	switch v := a[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// boolean takes 1 and true, as forms and JSON bring them.
func (a arguments) boolean(name string) bool { s := a.str(name); return s == "1" || s == "true" }

func (a arguments) integer(name string, otherwise int) int {
	if n, err := strconv.Atoi(a.str(name)); err == nil {
		return n
	}
	return otherwise
}

// raw returns an argument as JSON, whether it came as JSON or as JSON in a string.
func (a arguments) raw(name string) []byte {
	if s, ok := a[name].(string); ok {
		return []byte(s)
	}
	b, err := json.Marshal(a[name])
	if err != nil {
		panic(fmt.Sprintf("marshalling what was just decoded: %v", err))
	}
	return b
}

// split reads a comma-separated list.
func (a arguments) split(name string) []string {
	var all []string
	for s := range strings.SplitSeq(a.str(name), ",") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}
