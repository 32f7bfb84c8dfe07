package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/templates"
)

// scopes are what the methods of slack-go that the product calls need of the bot token, from
// Slack's page of each (https://docs.slack.dev/reference/methods). Which history is read depends
// on where a message went.
var scopes = map[string][]string{
	"AuthTestContext": nil, "StartSocketModeContext": nil, "GetPermalinkContext": nil,
	"OpenViewContext": nil, "PushViewContext": nil, "UpdateViewContext": nil, "PublishViewContext": nil,
	"PostMessageContext": {"chat:write"}, "UpdateMessageContext": {"chat:write"},
	"DeleteMessageContext": {"chat:write"}, "PostEphemeralContext": {"chat:write"},
	"GetUserInfoContext": {"users:read"}, "GetUserGroupMembersContext": {"usergroups:read"},
	"GetUserGroupsContext":        {"usergroups:read"},
	"GetUploadURLExternalContext": {"files:write"}, "UploadToURL": {"files:write"},
	"CompleteUploadExternalContext": {"files:write"},
	"GetFileInfoContext":            {"files:read"}, "GetFileContext": {"files:read"},
	"OpenConversationContext":       {"im:write"},
	"GetConversationInfoContext":    {"channels:read", "groups:read"},
	"GetConversationHistoryContext": {"channels:history", "groups:history", "im:history"},
	"GetConversationRepliesContext": {"channels:history", "groups:history", "im:history"},
}

// TestManifestAsksForWhatIsUsed compares the scopes of the manifest with all calls to Slack in the
// source.
func TestManifestAsksForWhatIsUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"commands": true} // for slash commands, which no method stands for
	for _, folder := range []string{"../../bot", "../../commands"} {
		for _, call := range slackCalls(t, folder) {
			needed, known := scopes[call]
			if !known {
				t.Errorf("%s calls %s: say here which scopes that needs", folder, call)
			}
			for _, scope := range needed {
				used[scope] = true
			}
		}
	}
	asked, err := templates.Scopes()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(used)), asked); diff != "" {
		t.Errorf("(-used +asked)\n%s", diff)
	}
	if diff := cmp.Diff(asked, slices.Sorted(slices.Values(workspace.Sample().App.Scopes))); diff != "" {
		t.Errorf("(-manifest +simulated workspace)\n%s", diff)
	}
}

// slackCalls returns the methods that the packages in a folder call on slack-go's client, as
// x.api.Method or x.API().Method.
func slackCalls(t *testing.T, folder string) []string {
	t.Helper()
	calls := map[string]bool{}
	err := filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			method, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of := ""
			switch on := method.X.(type) {
			case *ast.Ident:
				of = on.Name
			case *ast.SelectorExpr:
				of = on.Sel.Name
			case *ast.CallExpr:
				if call, ok := on.Fun.(*ast.SelectorExpr); ok {
					of = call.Sel.Name
				}
			}
			if (of == "api" || of == "API") && method.Sel.IsExported() {
				calls[method.Sel.Name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(calls))
}

// TestManifestNamesWhatIsHandled builds the product and compares what it handles with what the
// manifest promises.
func TestManifestNamesWhatIsHandled(t *testing.T) {
	settings := example(t)
	parts, err := runbook.Connect(settings.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer parts.Close()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:9/nothing")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	app, err := New(pool, parts, settings, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	text, err := templates.Manifest("Onboardbot")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Features struct {
			Commands []struct {
				Command string `yaml:"command"`
			} `yaml:"slash_commands"`
		} `yaml:"features"`
		Settings struct {
			Events struct {
				Bot []string `yaml:"bot_events"`
			} `yaml:"event_subscriptions"`
		} `yaml:"settings"`
	}
	if err := yaml.Load(text, &manifest); err != nil {
		t.Fatal(err)
	}
	var promised []string
	for _, command := range manifest.Features.Commands {
		promised = append(promised, command.Command)
	}
	slices.Sort(promised)
	if diff := cmp.Diff(app.router.Commands(), promised); diff != "" {
		t.Errorf("commands (-handled +promised)\n%s", diff)
	}
	if diff := cmp.Diff(app.router.Events(), manifest.Settings.Events.Bot); diff != "" {
		t.Errorf("events (-handled +subscribed)\n%s", diff)
	}
}

// example loads config.example.yaml with values for its secrets.
func example(t *testing.T) *config.Config {
	t.Helper()
	for name, value := range map[string]string{"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1",
		"DATABASE_URL":              "postgres://onboardbot@localhost/onboardbot",
		"PLATFORM_DATABASE_URL":     "postgres://onboarder@localhost/platform",
		"ISOLATION_DATABASE_URL":    "postgres://auditor@localhost/platform",
		"PLATFORM_APP_DATABASE_URL": "postgres://platform_app@localhost/platform"} {
		t.Setenv(name, value)
	}
	t.Setenv("TMPDIR", t.TempDir())
	settings, err := config.Load("../../config.example.yaml", config.Everything...)
	if err != nil {
		t.Fatal(err)
	}
	return settings
}
