package testbed

import (
	"strings"
	"text/template"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/sandbox/platform"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// Settings are the parts of the product's configuration that tests change.
type Settings struct {
	*sandbox.World
	// DNS is rfc2136 or manual.
	DNS string
	// RepoOverSSH says that the bot reaches the repository's host by ssh. Otherwise it is this
	// machine.
	RepoOverSSH bool
	// ApprovalLife, RemindBefore and EscalateAfter are durations in YAML.
	ApprovalLife, RemindBefore, EscalateAfter string
	BreakGlass                                bool
	// Rules is the YAML of onboarding.rules, on one line.
	Rules string
	// Reserved is the YAML of onboarding.reserved_slugs, on one line.
	Reserved string
	// Reports is the cron expression of isolation reports.
	Reports string
	// Rest is YAML to add at the end of the file.
	Rest string
	// HTTP is the address of health checks and metrics.
	HTTP string
	// Database is the connection string of the bot's own database, and Mux the directory of its ssh
	// connections below that of the sandbox.
	Database, Mux string

	Resolver, BotToken, AppToken, Channel, Ana, Bo, Cleo, Identity, IdentityQuery, AppRole, SlackAddress string
}

func (s *Testbed) settings() *Settings {
	return &Settings{
		World: s.World, DNS: "rfc2136", RepoOverSSH: true, ApprovalLife: "24h", RemindBefore: "1h", EscalateAfter: "0s",
		Rules: "{}", Reserved: "[www, admin, api, quinn]", Reports: "never", HTTP: "127.0.0.1:8080",
		Database: s.BotDSN(), Mux: "mux",
		Resolver: namespace.Resolver, BotToken: workspace.SampleBotToken,
		AppToken: workspace.SampleAppToken, Channel: Channel,
		Ana: Ana, Bo: Bo, Cleo: Cleo, Identity: platform.Identity, IdentityQuery: platform.IdentityQuery,
		AppRole:      platform.App,
		SlackAddress: sandbox.WorkspaceAddress,
	}
}

var file = template.Must(template.New("config").Parse(`slack:
  bot_token: {{.BotToken}}
  app_token: {{.AppToken}}
  api_url: http://{{.SlackAddress}}/api/
commands:
  channels: [{{.Channel}}]
  operators: [{{.Ana}}, {{.Bo}}, {{.Cleo}}]
  approvers: [{{.Ana}}, {{.Bo}}, {{.Cleo}}]
database:
  url: {{.Database}}
platform:
  database_url: {{.PlatformDSN}}
  app_role: {{.AppRole}}
  app_database_url: {{.AppDSN}}
  identity:
    query: {{.IdentityQuery}}
    value: {{.Identity}}
onboarding:
  approval_life: {{.ApprovalLife}}
  remind_before: {{.RemindBefore}}
  escalate_after: {{.EscalateAfter}}
  break_glass: {{.BreakGlass}}
  rules: {{.Rules}}
  reserved_slugs: {{.Reserved}}
vps: vps-0
hosts:
  apricot:
{{- if .RepoOverSSH}}
    ssh: apricot
    ssh_config: {{.SSH.Config}}
{{- end}}
    control_dir: {{$.Dir}}/{{$.Mux}}
    lock_dir: {{.Dir}}
{{- range .VPS}}
  {{.Name}}:
    ssh: {{.Host.Alias}}
    ssh_config: {{$.SSH.Config}}
    control_dir: {{$.Dir}}/{{$.Mux}}
    ipv4: {{.Host.Address}}
    ipv6: {{.IPv6}}
{{- end}}
repository:
  host: apricot
  dir: {{.Repo.Repo}}
  remote: origin
  author: Onboarding <onboarding@atlilith.example>
dns:
  provider: {{.DNS}}
  ttl: 60
  again: 1s
  resolver:
    servers: ["{{.Resolver}}:53"]
{{- if eq .DNS "rfc2136"}}
  rfc2136:
    server: "{{.Resolver}}:53"
    key: {{.World.DNS.Key.Name}}
    secret_file: {{.World.DNS.Key.SecretFile}}
{{- end}}
probe:
  roots_files: [{{.Roots}}]
isolation:
  database_url: {{.AuditorDSN}}
  schedule:
    cron: "{{.Reports}}"
http:
  listen: {{.HTTP}}
log:
  level: info
  format: text
{{.Rest}}`))

// YAML returns the product's configuration.
func (s *Settings) YAML() string {
	var out strings.Builder
	if err := file.Execute(&out, s); err != nil {
		panic(err) // the template and its data are both constant in this package
	}
	return out.String()
}
