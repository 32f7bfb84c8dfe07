package testbed

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/templates"
)

// install gives an app the settings of the product's own manifest. What the manifest lacks fails
// in tests too.
func install(app *workspace.App) error {
	text, err := templates.Manifest(app.Name)
	if err != nil {
		return err
	}
	var manifest struct {
		Features struct {
			Home struct {
				HomeTab     bool `yaml:"home_tab_enabled"`
				MessagesTab bool `yaml:"messages_tab_enabled"`
			} `yaml:"app_home"`
			Commands []struct {
				Command string `yaml:"command"`
				Hint    string `yaml:"usage_hint"`
				Escape  bool   `yaml:"should_escape"`
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
		} `yaml:"settings"`
	}
	if err := yaml.Load(text, &manifest); err != nil {
		return fmt.Errorf("the app's manifest: %w", err)
	}
	app.Scopes, app.Events = manifest.OAuth.Scopes.Bot, manifest.Settings.Events.Bot
	app.HomeTab, app.MessagesTab, app.NoInteractivity = manifest.Features.Home.HomeTab,
		manifest.Features.Home.MessagesTab, !manifest.Settings.Interactivity.Enabled
	app.Commands = nil
	for _, command := range manifest.Features.Commands {
		app.Commands = append(app.Commands, workspace.Command{
			Name: command.Command, Hint: command.Hint, ShouldEscape: command.Escape})
	}
	return nil
}
