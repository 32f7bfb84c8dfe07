package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/config"
)

const minimal = `platform:
  database_url: postgres://auditor@db.example.com/platform
  app_role: platform_app
  settings: {user: app.user_id, org: app.org_id}
`

// TestCheckNeedsLittle loads files for a check of isolation: what other commands need may be
// missing, but nothing may be misspelt.
func TestCheckNeedsLittle(t *testing.T) {
	for _, c := range []struct{ what, text, want string }{
		{"as little as can be", minimal, ""},
		{"a secret of others is not there", minimal + "slack:\n  bot_token: ${NO_SUCH_TOKEN}\n", ""},
		{"one that is needed is not there",
			strings.Replace(minimal, "postgres://auditor@db.example.com/platform", "${NO_SUCH_URL}", 1),
			"line 2: platform.database_url: NO_SUCH_URL: environment variable is not set; set it, or give the value " +
				"in a file as file:/path"},
		{"no role", "platform:\n  database_url: postgres:///platform\n",
			"line 1: platform.app_role: is missing: the role that the platform's sessions run as"},
		{"misspelt", minimal + "isolation:\n  budgt: {}\n",
			`line 6: isolation.budgt: there is no key "budgt" here; see config.example.yaml for the keys there are`},
		{"a name with dots",
			minimal +
				"isolation:\n  tables:\n    public.notes: {platform: true}\n    public.plans: {platform: true, org: " +
				"org_id}\n",
			`line 8: isolation.tables["public.plans"]: platform contradicts user, org or parent`},
		{"a key below a name with dots", minimal + "isolation:\n  tables:\n    public.plans:\n      excus: legacy\n",
			`line 8: isolation.tables["public.plans"].excus: there is no key "excus" here; ` +
				"see config.example.yaml for the keys there are"},
		{"a budget", minimal + "isolation:\n  budget:\n    connections: -1\n    lock_timeout: soon\n",
			"line 7: isolation.budget.connections: must not be negative\n  line 8: isolation.budget.lock_timeout: " +
				"must be a duration such as 30s, 15m or 24h, not text `soon`"},
		{"a schedule is of no concern", minimal + "isolation:\n  schedule: {cron: mornings}\n", ""},
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := config.Load(path, config.Platform, config.Isolation); err != nil {
			_, got, _ = strings.Cut(err.Error(), "\n  ")
		}
		if got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.what, got, c.want)
		}
	}
}

// TestReportsNeedAPlace loads the same files for a bot that reports.
func TestReportsNeedAPlace(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"commands: {channels: [C0OPS]}\n", ""},
		{"log: {}\n", ""},
		{"isolation:\n  schedule:\n    cron: 0 7 * * *\n",
			"line 1: isolation.channel: is missing: the id of the channel for scheduled reports, since " +
				"commands.channels names none"},
		{"isolation:\n  channel: '#ops'\n",
			`line 2: isolation.channel: "#ops" is not the id of a channel, such as C0123ABCD`},
		{"isolation:\n  channel: C0OPS\n  schedule:\n    cron: mornings\n",
			`line 4: isolation.schedule.cron: "mornings" is no schedule such as "0 7 * * *": ` +
				"expected 5 to 6 fields, found 1: [mornings]"},
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := config.Load(path, config.Reports); err != nil {
			_, got, _ = strings.Cut(err.Error(), "\n  ")
		}
		if got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.text, got, c.want)
		}
	}
}
