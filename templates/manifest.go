package templates

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

//go:embed manifest.yaml
var manifest string

var manifestTemplate = template.Must(template.New("manifest.yaml").Parse(manifest))

// maxAppName is the longest app name that Slack accepts, in characters
// (https://docs.slack.dev/reference/app-manifest).
const maxAppName = 35

// ErrAppName is returned for a name that Slack does not accept for an app.
var ErrAppName = errors.New("a Slack app's name has 1 to 35 printable characters")

// notInHandle matches what Slack does not accept in a bot's handle.
var notInHandle = regexp.MustCompile(`[^a-z0-9_.-]+`)

// Manifest returns the Slack app's manifest for an app of this name, as YAML with comments. It
// returns [ErrAppName] if Slack would not accept the name.
func Manifest(name string) ([]byte, error) {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxAppName || strings.ContainsFunc(name, unprintable) {
		return nil, ErrAppName
	}
	handle := strings.Trim(notInHandle.ReplaceAllString(strings.ToLower(name), "-"), "-.")
	handle = cmp.Or(handle, "onboardbot")
	// A JSON string is also a YAML string.
	quoted, err := json.Marshal(name)
	if err != nil {
		return nil, fmt.Errorf("templates: manifest: %w", err)
	}
	var out bytes.Buffer
	if err := manifestTemplate.Execute(&out, map[string]string{"Name": string(quoted), "Handle": handle}); err != nil {
		return nil, fmt.Errorf("templates: manifest: %w", err)
	}
	return out.Bytes(), nil
}

// Scopes returns the scopes that the manifest requests for the bot token, sorted.
func Scopes() ([]string, error) {
	var app struct {
		OAuth struct {
			Scopes struct {
				Bot []string `yaml:"bot"`
			} `yaml:"scopes"`
		} `yaml:"oauth_config"`
	}
	text, err := Manifest("Onboardbot")
	if err != nil {
		return nil, err
	}
	if err := yaml.Load(text, &app); err != nil {
		return nil, fmt.Errorf("templates: manifest: %w", err)
	}
	slices.Sort(app.OAuth.Scopes.Bot)
	return app.OAuth.Scopes.Bot, nil
}
