package session

import (
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// maxStatements bounds how many statements of a transaction are remembered.
const maxStatements = 64

// transcript is what the latest transaction of a connection ran.
type transcript struct {
	session    Session
	statements []string
	// more says that statements were left out.
	more bool
}

func (t *transcript) begin(s Session) { *t = transcript{session: s, statements: t.statements[:0]} }

// add remembers a statement.
func (t *transcript) add(sql string) {
	if len(t.statements) == maxStatements {
		t.more = true
		return
	}
	t.statements = append(t.statements, sql)
}

// Script renders a transaction of a session that runs statements and is rolled back, for somebody
// who has just logged in as the platform's sessions do.
func (s Session) Script(names Settings, statements ...string) string {
	var sql strings.Builder
	sql.WriteString("BEGIN;\n")
	if login := names.Opening.LoginRole; login != "" {
		sql.WriteString("-- log in as " + query.Name(login) + "\n")
	}
	for _, statement := range append([]string{s.Enter(names)}, statements...) {
		if statement = strings.TrimRight(strings.TrimSpace(statement), ";"); statement != "" {
			sql.WriteString(statement + ";\n")
		}
	}
	sql.WriteString("ROLLBACK;")
	return sql.String()
}

// Script renders the transaction that is under way, or else the latest one, as [Session.Script]
// does. It is empty where the transaction ran too much to be read.
func (a *Attempts) Script() string {
	c := a.current
	if c == nil {
		c = a.latest
	}
	if c == nil || c.ran.more || len(c.ran.statements) == 0 {
		return ""
	}
	return c.ran.session.Script(a.dialer.config.Settings, c.ran.statements...)
}
