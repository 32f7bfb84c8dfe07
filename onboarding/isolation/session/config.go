package session

import (
	"cmp"
	"time"
)

// WithDefaults fills in what is not given.
func (b Budget) WithDefaults() Budget {
	b.Connections, b.ChecksPerSecond = cmp.Or(b.Connections, 2), cmp.Or(b.ChecksPerSecond, 100_000)
	b.StatementTimeout, b.LockTimeout = cmp.Or(b.StatementTimeout, 10*time.Second), cmp.Or(b.LockTimeout, 250*time.Millisecond)
	b.BlindWriteRows = cmp.Or(b.BlindWriteRows, 20_000)
	return b
}
