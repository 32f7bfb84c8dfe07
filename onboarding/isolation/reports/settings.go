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

// Settings are what operators decide about isolation reports. The platform's database, app role
// and custom settings come from [platform.Config].
type Settings struct {
	// DatabaseURL connects to the platform's database as a role with BYPASSRLS that may read every
	// table, and is no superuser and no member of the app role. Checks compare what tenants see with
	// what it sees. Default: platform.database_url.
	DatabaseURL secret.String `yaml:"database_url"`
	// OwnerDatabaseURL logs in to a disposable copy of the platform's database as the owner of its
	// schema. Only onboardbot isolation uses it, to seed and to try fixes.
	OwnerDatabaseURL secret.String `yaml:"owner_database_url"`
	// Users, Orgs and Membership correct what discovery finds.
	Users      isolation.Tenants    `yaml:"users"`
	Orgs       isolation.Tenants    `yaml:"orgs"`
	Membership isolation.Membership `yaml:"membership"`
	// Sessions says how the platform opens a session, where ids and one role do not say it.
	Sessions isolation.Sessions `yaml:"sessions"`
	// NoOrgs says that no table is one of Orgs, whatever it is called.
	NoOrgs bool `yaml:"no_orgs"`
	// Tables corrects or excuses tables, by "schema.name".
	Tables map[string]isolation.Table `yaml:"tables"`
	// ExcusedFunctions are never called, by "schema.name".
	ExcusedFunctions []string `yaml:"excused_functions"`
	// Unsent are operations, truncate, trigger or listen, that the API in front of the database cannot send.
	Unsent []isolation.Operation `yaml:"unsent"`
	// Accept are the risks that are accepted, beside those that operators accept.
	Accept []isolation.Acceptance `yaml:"accept"`
	// Budget bounds the load that a check puts on the platform.
	Budget isolation.Budget `yaml:"budget"`
	// Schedule is when a report is made without being asked for. Default: every morning at 7.
	Schedule schedule.Schedule `yaml:"schedule"`
	// Channel is where scheduled reports are posted. Default: the first of commands.channels.
	Channel string `yaml:"channel"`
}

// Defaults fills in what is not set. The channel is the default for Channel.
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

// Config returns the configuration of a check, completed from the platform's.
func (s *Settings) Config(known platform.Config) isolation.Config {
	known.Defaults()
	config := isolation.Config{
		DatabaseURL:    cmp.Or(s.DatabaseURL.Reveal(), known.DatabaseURL.Reveal()),
		AppRole:        known.AppRole,
		AppDatabaseURL: known.AppDatabaseURL.Reveal(),
		LoginRole:      known.LoginRole,
		Sessions:       s.Sessions,
		Settings: isolation.Settings{
			User: known.Settings.User, Org: known.Settings.Org, OrgVerified: known.Settings.OrgVerified,
			Templates: known.Settings.Templates, UserWritten: known.Settings.UserWritten,
		},
		Users:            s.Users,
		Orgs:             s.Orgs,
		NoOrgs:           s.NoOrgs,
		Membership:       s.Membership,
		Tables:           s.Tables,
		ExcusedFunctions: s.ExcusedFunctions,
		Unsent:           s.Unsent,
		Accept:           s.Accept,
		Budget:           s.Budget,
	}
	// A table that the platform's section names differently from the default need not be named
	// again here. Discovery finds the rest.
	var usual platform.Config
	usual.Defaults()
	if config.Users == (isolation.Tenants{}) &&
		(known.Users.Table != usual.Users.Table || known.Users.ID != usual.Users.ID) {
		config.Users = isolation.Tenants{Table: qualified(known.Users.Table), ID: known.Users.ID}
	}
	if config.Orgs == (isolation.Tenants{}) && !config.NoOrgs &&
		(known.Orgs.Table != usual.Orgs.Table || known.Orgs.ID != usual.Orgs.ID) {
		config.Orgs = isolation.Tenants{Table: qualified(known.Orgs.Table), ID: known.Orgs.ID}
	}
	if config.Membership.Table == "" && known.Members.Table != usual.Members.Table {
		config.Membership.Table = qualified(known.Members.Table)
	}
	return config
}

// qualified adds the schema public to a table's name that has none.
func qualified(table string) string {
	if strings.Contains(table, ".") {
		return table
	}
	return "public." + table
}

// Validate reports every problem of what is checked, each with its key. loginRole is that of the
// platform's section, whose problems are reported there.
func (s *Settings) Validate(loginRole string) error {
	const placeholder = "platform"
	known := platform.Config{AppRole: placeholder, DatabaseURL: secret.New("postgres://" + placeholder),
		LoginRole: loginRole}
	_, err := isolation.New(s.Config(known))
	return err
}

// ValidateSchedule reports every problem of when and where scheduled reports are posted, each
// with its key.
func (s *Settings) ValidateSchedule() error {
	if err := s.Schedule.Validate(); err != nil {
		return fmt.Errorf("schedule.%w", err)
	}
	if s.Schedule.Cron != schedule.Never && s.Channel == "" {
		return errors.New("channel: is missing: the id of the channel for scheduled reports, since " +
			"commands.channels names none")
	}
	return nil
}
