package session

import (
	"cmp"
	"time"
)

// Settings are the names of the custom settings that carry a session's identity, such as
// app.user_id.
type Settings struct {
	// User is set by the platform after it verified who somebody is.
	User string `yaml:"user"`
	// Org is the workspace that a session acts in. The session chooses its value. Empty: the
	// platform has none.
	Org string `yaml:"org"`
}

// IsIdentity reports whether a setting carries the identity.
func (s Settings) IsIdentity(name string) bool { return name == s.User || name == s.Org }

// Budget bounds the connections, the rate and the time of a check.
type Budget struct {
	// Connections that attempt at once (default: 2). Two more ask for the truth. A few stand by
	// for sessions in which settings were never set, one of them in use at a time.
	Connections int `yaml:"connections"`
	// ChecksPerSecond is the most reads of one table as one tenant that start in a second
	// (default: 100,000).
	ChecksPerSecond int `yaml:"checks_per_second"`
	// StatementTimeout and LockTimeout hold for every attempt (defaults: 10s and 250ms).
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	LockTimeout      time.Duration `yaml:"lock_timeout"`
	// BlindWriteRows is the largest number of rows of a table on which UPDATE and DELETE without
	// WHERE are attempted (default: 20,000). They are rolled back, but lock what they reach
	// until then.
	BlindWriteRows int `yaml:"blind_write_rows"`
}

// WithDefaults fills in what is not given.
func (b Budget) WithDefaults() Budget {
	b.Connections = cmp.Or(b.Connections, 2)
	b.ChecksPerSecond = cmp.Or(b.ChecksPerSecond, 100_000)
	b.StatementTimeout = cmp.Or(b.StatementTimeout, 10*time.Second)
	b.LockTimeout = cmp.Or(b.LockTimeout, 250*time.Millisecond)
	b.BlindWriteRows = cmp.Or(b.BlindWriteRows, 20_000)
	return b
}
