package reports

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/internal/schedule"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// Settings are what operators decide about isolation reports. Where the platform's database is, who its sessions are and which
// settings say so is known already, from [platform.Config].
type Settings struct {
	// DatabaseURL reaches the platform's database as a role above its policies: a superuser, or one with BYPASSRLS that may read
	// every table and become the app role. What it sees is what tenants are held against. Default: platform.database_url.
	DatabaseURL secret.String `yaml:"database_url"`
	// Users, Orgs and Membership correct what is found by itself.
	Users      isolation.Tenants    `yaml:"users"`
	Orgs       isolation.Tenants    `yaml:"orgs"`
	Membership isolation.Membership `yaml:"membership"`
	// Tables names, corrects or excuses tables by "schema.name".
	Tables map[string]isolation.Table `yaml:"tables"`
	// ExcusedFunctions are never called: "schema.name".
	ExcusedFunctions []string `yaml:"excused_functions"`
	// Budget bounds what a check may take from the platform.
	Budget isolation.Budget `yaml:"budget"`
	// Schedule is when a report comes by itself. Default: every morning at 7.
	Schedule schedule.Schedule `yaml:"schedule"`
	// Channel is where it comes. Default: the first of commands.channels.
	Channel string `yaml:"channel"`
}

// Defaults fills what is not set; the channel is the one for those that name none.
func (s *Settings) Defaults(channel string) {
	s.Channel = cmp.Or(s.Channel, channel)
	if s.Schedule.Cron == "" {
		s.Schedule.Cron = schedule.Never
		if s.Channel != "" {
			s.Schedule.Cron = "0 7 * * *"
		}
	}
	s.Schedule.TimeZone = cmp.Or(s.Schedule.TimeZone, "UTC")
	s.Budget = s.Budget.WithDefaults()
}

// Check is what to check, with what is known of the platform.
func (s *Settings) Check(known platform.Config) isolation.Config {
	known.Defaults()
	config := isolation.Config{
		DatabaseURL: s.DatabaseURL.Reveal(), AppRole: known.AppRole, AppDatabaseURL: known.AppDatabaseURL.Reveal(),
		Settings: isolation.Settings{User: known.Settings.User, Org: known.Settings.Org},
		Users:    s.Users, Orgs: s.Orgs, Membership: s.Membership, Tables: s.Tables, ExcusedFunctions: s.ExcusedFunctions, Budget: s.Budget,
	}
	config.DatabaseURL = cmp.Or(config.DatabaseURL, known.DatabaseURL.Reveal())
	// What the platform's part names otherwise than usual need not be named again; the rest is found.
	var usual platform.Config
	usual.Defaults()
	if config.Users == (isolation.Tenants{}) && (known.Users.Table != usual.Users.Table || known.Users.ID != usual.Users.ID) {
		config.Users = isolation.Tenants{Table: qualified(known.Users.Table), ID: known.Users.ID}
	}
	if config.Orgs == (isolation.Tenants{}) && (known.Orgs.Table != usual.Orgs.Table || known.Orgs.ID != usual.Orgs.ID) {
		config.Orgs = isolation.Tenants{Table: qualified(known.Orgs.Table), ID: known.Orgs.ID}
	}
	if config.Membership.Table == "" && known.Members.Table != usual.Members.Table {
		config.Membership.Table = qualified(known.Members.Table)
	}
	return config
}

// qualified is a table's name with its schema, which is public where the name has none.
func qualified(table string) string {
	if strings.Contains(table, ".") {
		return table
	}
	return "public." + table
}

// Validate reports every problem of what is checked, each with its key. What the platform's part is to say is not repeated.
func (s *Settings) Validate() error {
	// Stand-ins, since what is missing there is reported there.
	const elsewhere = "elsewhere"
	known := platform.Config{AppRole: elsewhere, DatabaseURL: secret.New("postgres://" + elsewhere)}
	_, err := isolation.New(s.Check(known))
	return err
}

// ValidateSchedule reports every problem of when and where reports come by themselves, each with its key.
func (s *Settings) ValidateSchedule() error {
	if err := s.Schedule.Validate(); err != nil {
		return fmt.Errorf("schedule.%w", err)
	}
	if s.Schedule.Cron != schedule.Never && s.Channel == "" {
		return errors.New("channel: is missing: the id of the channel for scheduled reports, since commands.channels names none")
	}
	return nil
}
