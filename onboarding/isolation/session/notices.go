package session

import (
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// maxNotices bounds what is kept of notices that nobody has asked for, in bytes.
const maxNotices = 64 << 10

// notices are what a server said beside its answers. A connection has one user at a time.
type notices struct{ text strings.Builder }

func (n *notices) add(notice *pgconn.Notice) {
	said := notice.Message + "\n" + notice.Detail + "\n" + notice.Hint + "\n"
	if n.text.Len()+len(said) <= maxNotices {
		n.text.WriteString(said)
	}
}

// take returns the notices and forgets them.
func (n *notices) take() string {
	text := n.text.String()
	n.text.Reset()
	return text
}
