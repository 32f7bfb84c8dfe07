package templates_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/templates"
)

// app lists every key of a manifest that Slack documents
// (https://docs.slack.dev/reference/app-manifest).
type app struct {
	Display struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
		Long        string `yaml:"long_description"`
		Background  string `yaml:"background_color"`
	} `yaml:"display_information"`
	Features struct {
		Home struct {
			HomeTab     bool `yaml:"home_tab_enabled"`
			MessagesTab bool `yaml:"messages_tab_enabled"`
			ReadOnly    bool `yaml:"messages_tab_read_only_enabled"`
		} `yaml:"app_home"`
		Bot struct {
			Name   string `yaml:"display_name"`
			Online bool   `yaml:"always_online"`
		} `yaml:"bot_user"`
		Commands []struct {
			Command     string `yaml:"command"`
			Description string `yaml:"description"`
			Hint        string `yaml:"usage_hint"`
			Escape      bool   `yaml:"should_escape"`
		} `yaml:"slash_commands"`
	} `yaml:"features"`
	OAuth struct {
		Scopes struct {
			Bot []string `yaml:"bot"`
		} `yaml:"scopes"`
	} `yaml:"oauth_config"`
	Settings struct {
		Events struct {
			Bot []string `yaml:"bot_events"`
		} `yaml:"event_subscriptions"`
		Interactivity struct {
			Enabled bool `yaml:"is_enabled"`
		} `yaml:"interactivity"`
		Org      bool `yaml:"org_deploy_enabled"`
		Socket   bool `yaml:"socket_mode_enabled"`
		Rotation bool `yaml:"token_rotation_enabled"`
	} `yaml:"settings"`
}

func TestManifest(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]string{
		"Onboardbot": "onboardbot", "Onboarding (staging)": "onboarding-staging",
		`Ana's "bot": #1`: "ana-s-bot-1", "éé": "onboardbot",
		strings.Repeat("ö", 35): "onboardbot", "a: b": "a-b", "{{.Name}}": "name",
	} {
		text, err := templates.Manifest(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var m app
		if err := yaml.Load(text, &m, yaml.WithKnownFields()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Display.Name != name || m.Features.Bot.Name != handle {
			t.Errorf("%s became %q and %q", name, m.Display.Name, m.Features.Bot.Name)
		}
		checkLimits(t, m)
	}
	for _, name := range []string{"", " ", strings.Repeat("ö", 36), "two\nlines", "\x00"} {
		if _, err := templates.Manifest(name); !errors.Is(err, templates.ErrAppName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// checkLimits compares a manifest with the limits on Slack's page.
func checkLimits(t *testing.T, m app) {
	t.Helper()
	between := func(what, text string, least, most int) {
		if n := utf8.RuneCountInString(text); n < least || n > most {
			t.Errorf("%s has %d characters instead of %d to %d", what, n, least, most)
		}
	}
	between("name", m.Display.Name, 1, 35)
	between("description", m.Display.Description, 1, 140)
	between("long_description", m.Display.Long, 174, 4000)
	between("bot_user.display_name", m.Features.Bot.Name, 1, 80)
	if len(m.Features.Commands) > 50 || len(m.Settings.Events.Bot) > 100 {
		t.Errorf("%d commands, %d events", len(m.Features.Commands), len(m.Settings.Events.Bot))
	}
	for _, command := range m.Features.Commands {
		if !regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`).MatchString(command.Command) || !command.Escape {
			t.Errorf("%+v", command)
		}
		between(command.Command, command.Description, 1, 2000)
		between(command.Command, command.Hint, 1, 1000)
	}
	if !m.Features.Home.HomeTab || !m.Settings.Interactivity.Enabled || !m.Settings.Socket || m.Settings.Rotation ||
		m.Settings.Org {
		t.Errorf("%+v %+v", m.Features.Home, m.Settings)
	}
	scopes := m.OAuth.Scopes.Bot
	for i, scope := range scopes {
		if slices.Contains(scopes[:i], scope) {
			t.Errorf("scope %s twice", scope)
		}
	}
}
