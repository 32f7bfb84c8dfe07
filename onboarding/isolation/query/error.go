package query

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/internal/reconnect"
)

// SQLSTATEs that checks tell apart (PostgreSQL manual, Appendix A).
const (
	FeatureNotSupported   = "0A000"
	ReadOnlyTransaction   = "25006"
	InvalidSchemaName     = "3F000"
	InsufficientPrivilege = "42501"
	UndefinedColumn       = "42703"
	UndefinedObject       = "42704" // current_setting raises it for a setting that was never set
	UndefinedFunction     = "42883"
	UndefinedTable        = "42P01"
	CheckOptionViolation  = "44000"
	ForeignKeyViolation   = "23503"
	UniqueViolation       = "23505"
	ExclusionViolation    = "23P01"
	LockNotAvailable      = "55P03"
	QueryCanceled         = "57014" // statement_timeout raises it
)

// Class is the class of an SQLSTATE: its first two characters.
type Class string

// The classes that checks tell apart.
const (
	DataException                Class = "22"
	IntegrityConstraintViolation Class = "23"
	RaisedByFunction             Class = "P0" // PL/pgSQL, most often RAISE EXCEPTION
)

// SQLState returns the SQLSTATE of a server's error, or "" for any other error, such as a lost
// connection.
func SQLState(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// Lost returns an error that no server sent, such as that of a lost connection or of a context
// that ended, and nil for all others. A check ends with the former; the latter is the result of
// one attempt.
func Lost(err error) error {
	if SQLState(err) != "" {
		return nil
	}
	return err
}

// Constraint returns the name of the constraint that a server's error is about, or "".
func Constraint(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.ConstraintName
	}
	return ""
}

// Routine returns the name of the function in the server's source that raised an error, or "".
func Routine(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Routine
	}
	return ""
}

// Table returns "schema.name" of the table that a server's error is about, or "".
func Table(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.TableName != "" {
		return pg.SchemaName + "." + pg.TableName
	}
	return ""
}

// Message returns all that a server's error tells its client.
func Message(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Message + "\n" + pg.Detail + "\n" + pg.Hint
	}
	return ""
}

// In reports whether an error is of one of the classes.
func In(err error, classes ...Class) bool {
	code := SQLState(err)
	for _, class := range classes {
		if code != "" && strings.HasPrefix(code, string(class)) {
			return true
		}
	}
	return false
}

// Refusal reports whether an error is a policy's own way to turn a session away: an exception
// that a function of the policy raised, or a setting that was never set or that cannot be cast.
func Refusal(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	return Raised(err) || In(err, DataException) || pg.Code == UndefinedObject
}

// Raised reports whether a function raised an error itself, with whatever SQLSTATE it chose.
func Raised(err error) bool { return Routine(err) == "exec_stmt_raise" || In(err, RaisedByFunction) }

var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// Describe says what went wrong without repeating values of rows, which messages may quote.
func Describe(err error) string {
	if err == nil {
		return ""
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:2] {
		case "42", "57", "55", "53", "08", "25", "40", "28", "3D", "3F", "0A":
			return fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code)
		case string(RaisedByFunction):
			return fmt.Sprintf("%s (SQLSTATE %s)", quoted.ReplaceAllString(pg.Message, "…"), pg.Code)
		}
		return "SQLSTATE " + pg.Code
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "ran out of time"
	case pgconn.Timeout(err):
		return "timed out"
	case reconnect.Broken(err):
		return "the connection to the database broke"
	}
	return err.Error()
}
