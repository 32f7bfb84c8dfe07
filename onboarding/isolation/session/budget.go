package session

import (
	"time"
)

// Budget bounds connections, rate and time.
type Budget struct {
	// Connections that attempt at once (default: 2). Two more ask for the truth, and a few stand by for sessions in which settings were never
	// set, one of them in use at a time.
	Connections int `yaml:"connections"`
	// ChecksPerSecond is the most tenant-and-table reads started per second (default: 100,000).
	ChecksPerSecond int `yaml:"checks_per_second"`
	// StatementTimeout and LockTimeout hold for every attempt (defaults: 10s and 250ms).
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	LockTimeout      time.Duration `yaml:"lock_timeout"`
	// BlindWriteRows is the largest table, by the server's estimate, on which UPDATE and DELETE without WHERE are attempted
	// (default: 20,000 rows). They are rolled back, but lock what they reach until then.
	BlindWriteRows int `yaml:"blind_write_rows"`
}
