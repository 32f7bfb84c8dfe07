// Package config reads the configuration file. It is strict, and reports every problem with its
// key and line before anything starts. The packages that use the values declare and explain them;
// this one puts them together.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/risk"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// Config is the whole file.
type Config struct {
	// Slack has the tokens and limits of the connection to the workspace.
	Slack bot.Config `yaml:"slack"`
	// Commands says in which channels the commands work, and who may use them.
	Commands access.Config `yaml:"commands"`
	// Database is the bot's own database.
	Database Database `yaml:"database"`
	// Onboarding is the policy of runs and approvals.
	Onboarding onboarding.Policy `yaml:"onboarding"`
	// SecondFactor has the key that encrypts second factors and signs votes.
	SecondFactor secondfactor.Config `yaml:"second_factor"`
	// Config of the runbook: platform, hosts, vps, repository, deploy, dns, certificate,
	// certificates, portal, probe, others.
	settings.Config `yaml:",inline"`
	// Isolation says how the isolation of tenants is checked, and when and where reports on it
	// appear.
	Isolation reports.Settings `yaml:"isolation"`
	// HTTP is the server for health checks and metrics.
	HTTP HTTP `yaml:"http"`
	// Log is what the bot writes to standard error.
	Log Log `yaml:"log"`
}

// Database is the bot's own database.
type Database struct {
	// URL of the database. Required.
	URL secret.String `yaml:"url"`
	// OwnerURL is a connection as another role, which owns the tables, so that of URL can only
	// append to the audit trail. It migrates and is not used to serve. Default: none.
	OwnerURL secret.String `yaml:"owner_url"`
	// Schema that holds every table of the bot. Default: onboarding.
	Schema string `yaml:"schema"`
	// Connections is how many connections one replica opens at most. Each run that it advances
	// holds one. Default: 40.
	Connections int32 `yaml:"connections"`
	// Runs is how many runs one replica advances at once. Default: 16.
	Runs int `yaml:"runs"`
}

// AsOwner is the same database as the role that owns the tables: that of OwnerURL, or of URL
// without one.
func (d Database) AsOwner() Database {
	if !d.OwnerURL.IsZero() {
		d.URL = d.OwnerURL
	}
	return d
}

// HTTP is the server for health checks and metrics.
type HTTP struct {
	// Listen is the address of /healthz, /readyz and /metrics. Default: 127.0.0.1:8080. off means
	// no server.
	Listen string `yaml:"listen"`
}

// Log is what the bot writes to standard error.
type Log struct {
	// Level is debug, info, warn or error. Default: info.
	Level Level `yaml:"level"`
	// Format is json or text. Default: json.
	Format string `yaml:"format"`
}

// Level is a level of package slog. Its errors name the levels that there are.
type Level slog.Level

// Level implements [slog.Leveler].
func (l Level) Level() slog.Level { return slog.Level(l) }

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) { return l.Level().MarshalText() }

// UnmarshalText reads the level's name.
func (l *Level) UnmarshalText(text []byte) error {
	if err := (*slog.Level)(l).UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is not one of debug, info, warn and error", text)
	}
	return nil
}

const schemaDefault = "onboarding"

// Off is the value of http.listen that means no server.
const Off = "off"

// Load reads a file and validates the sections that a command needs. It returns all problems at
// once, as [*Problems]: unknown keys, values of the wrong type, secrets that cannot be read, and
// missing or invalid values.
func Load(path string, sections ...Section) (*Config, error) {
	read, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := read.check(sections); err != nil {
		return nil, err
	}
	return read.config, nil
}

// reading is a configuration as it was read, valid or not.
type reading struct {
	path     string
	document document
	config   *Config
	problems []Problem
	// secrets are the problems of secrets that could not be read. They only concern the commands
	// that need these secrets.
	secrets []Problem
	// given are the keys whose value comes from the file. For secrets, origins names the variable
	// or file that has the value.
	given   map[string]bool
	origins map[string]string
}

// open reads a file, resolves its secrets and fills in the defaults. It fails only if the file
// cannot be read or parsed.
func open(path string) (*reading, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	document, problem := parse(text)
	if problem != nil {
		return nil, &Problems{File: path, List: []Problem{*problem}}
	}
	r := &reading{path: path, document: document, config: new(Config), given: map[string]bool{},
		origins: map[string]string{}}
	r.problems = document.decode(text, r.config)
	for key := range leaves(r.config) {
		r.given[key] = true
	}
	r.reveal()
	r.config.defaults()
	return r, nil
}

// check returns the problems of the file and of the sections.
func (r *reading) check(sections []Section) error {
	problems := r.problems
	known := map[string]bool{}
	for _, problem := range problems {
		known[problem.Key] = true
	}
	for _, section := range sections {
		key, problem := section(r.config)
		for _, secret := range r.secrets {
			if (key == "" || strings.HasPrefix(secret.Key, key+".")) && !known[secret.Key] {
				problems = append(problems, secret)
				known[secret.Key] = true
			}
		}
		for _, problem := range r.document.problemsOf(key, problem) {
			// A value that could not be decoded has been reported already.
			if !known[problem.Key] {
				problems = append(problems, problem)
			}
		}
	}
	if len(problems) > 0 {
		inOrder(problems)
		return &Problems{File: r.path, List: problems}
	}
	return nil
}

func (c *Config) defaults() {
	c.Database.Schema = cmp.Or(c.Database.Schema, schemaDefault)
	c.Database.Connections = cmp.Or(c.Database.Connections, 40)
	c.Database.Runs = cmp.Or(c.Database.Runs, 16)
	c.Slack = c.Slack.WithDefaults()
	c.Commands.Defaults()
	c.Onboarding.Defaults()
	c.Config.Defaults()
	if c.Certificates.Channel == "" && len(c.Commands.Channels) > 0 {
		c.Certificates.Channel = c.Commands.Channels[0]
	}
	c.isolationDefaults()
	c.HTTP.Listen = cmp.Or(c.HTTP.Listen, "127.0.0.1:8080")
	c.Log.Format = cmp.Or(c.Log.Format, "json")
}

// Section validates a part of the file. The keys in its problem are relative to the key that it
// returns.
type Section func(*Config) (key string, problem error)

// The sections of the file.
var (
	Slack      Section = func(c *Config) (string, error) { return "slack", c.Slack.Validate() }
	Commands   Section = func(c *Config) (string, error) { return "commands", c.Commands.Validate() }
	Own        Section = func(c *Config) (string, error) { return "database", c.Database.validate() }
	Onboarding Section = func(c *Config) (string, error) { return "onboarding", c.policy() }
	Factors    Section = func(c *Config) (string, error) { return "second_factor", c.SecondFactor.Validate() }
	Runbook    Section = func(c *Config) (string, error) { return "", c.Config.Validate() }
	Platform   Section = func(c *Config) (string, error) { return "platform", c.Config.Platform.Validate() }
	Process    Section = func(c *Config) (string, error) { return "", errors.Join(c.HTTP.validate(), c.Log.validate()) }
)

// Everything is every section, as serve and check need them.
var Everything = []Section{Slack, Commands, Own, Onboarding, Factors, Runbook, Reminders, Isolation, Reports, Process}

var schemaForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,40}$`)

// LeastConnections is how many connections a replica needs to advance as many runs at once. A run
// holds one, and takes another only while one of its steps is observed. River's listener and a
// check of isolation hold one each. Everything else takes one at a time and holds none while it
// waits for one, so it always gets it.
func LeastConnections(runs int) int32 { return int32(runs) + 12 }

func (d Database) validate() error {
	var problems []error
	if d.URL.IsZero() {
		problems = append(problems, errors.New("url: is missing: the connection string of the bot's own database"))
	} else if _, err := pgxpool.ParseConfig(d.URL.Reveal()); err != nil {
		problems = append(problems,
			errors.New("url: is not a connection string such as postgres://onboardbot@db.example.com/onboardbot"))
	}
	if _, err := pgxpool.ParseConfig(d.OwnerURL.Reveal()); err != nil && !d.OwnerURL.IsZero() {
		problems = append(problems, errors.New(
			"owner_url: is not a connection string such as postgres://onboardbot_owner@db.example.com/onboardbot"))
	}
	if !schemaForm.MatchString(d.Schema) {
		problems = append(problems, fmt.Errorf("schema: %q is not a plain lower-case name", d.Schema))
	}
	if d.Runs < 1 {
		problems = append(problems, fmt.Errorf("runs: %d is less than 1", d.Runs))
	}
	if least := LeastConnections(d.Runs); d.Connections < least {
		problems = append(problems,
			fmt.Errorf("connections: %d is too few for %d runs at once; give at least %d",
				d.Connections, d.Runs, least))
	}
	return errors.Join(problems...)
}

func (c *Config) policy() error { return errors.Join(c.Onboarding.Validate(), c.rules(), c.calendar()) }

// calendar reports windows and freezes for kinds of steps or hosts that do not exist: a misspelt
// one would have no effect.
func (c *Config) calendar() error {
	var problems []error
	kinds := runbook.Kinds()
	check := func(key string, list []windows.Window) {
		for i, window := range list {
			for _, kind := range window.Kinds {
				if !slices.Contains(kinds, onboarding.Kind(kind)) {
					problems = append(problems, fmt.Errorf("%s[%d].kinds: no step of the kind %q needs approval; "+
						"the kinds that do are %s", key, i, kind, enumerate(kinds)))
				}
			}
			for _, host := range window.Hosts {
				if _, ok := c.Hosts[host]; !ok {
					problems = append(problems, fmt.Errorf("%s[%d].hosts: %q is not one of hosts", key, i, host))
				}
			}
		}
	}
	check("windows", c.Onboarding.Calendar.Windows)
	check("freezes", c.Onboarding.Calendar.Freezes)
	return errors.Join(problems...)
}

// rules reports rules for kinds of steps that do not exist: a misspelt kind would have no effect.
func (c *Config) rules() error {
	var problems []error
	kinds := append(runbook.Kinds(), risk.Kind)
	for kind, rule := range c.Onboarding.Rules {
		if rule.Confirm != onboarding.ConfirmNone && c.SecondFactor.Key.IsZero() {
			problems = append(problems,
				fmt.Errorf("%s.confirm: needs second_factor.key", join("rules", string(kind))))
		}
		if !slices.Contains(kinds, kind) {
			problems = append(problems,
				fmt.Errorf("%s: no step of this kind needs approval; the kinds that do are %s",
					join("rules", string(kind)), enumerate(kinds)))
		}
	}
	return errors.Join(problems...)
}

func enumerate(kinds []onboarding.Kind) string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	return strings.Join(names, ", ")
}

func (h HTTP) validate() error {
	if h.Listen == Off {
		return nil
	}
	if _, _, err := net.SplitHostPort(h.Listen); err != nil {
		return fmt.Errorf("http.listen: %q is not an address such as 127.0.0.1:8080, nor %s", h.Listen, Off)
	}
	return nil
}

func (l Log) validate() error {
	if l.Format != "json" && l.Format != "text" {
		return fmt.Errorf("log.format: %q is neither json nor text", l.Format)
	}
	return nil
}
