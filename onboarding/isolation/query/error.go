package query

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
)

// noRight is the SQLSTATE insufficient_privilege.
const InsufficientPrivilege = "42501"

// unsetSetting is the SQLSTATE undefined_object, which current_setting raises for a setting that was never set.
const UndefinedObject = "42704"

// timedOut is the SQLSTATE query_canceled, which statement_timeout raises.
const QueryCanceled = "57014"

func SQLState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// describe says what went wrong without repeating values of rows, which messages may quote.
func Describe(err error) string {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &pg):
		switch pg.Code[:2] {
		case "42", "57", "55", "53", "08", "25", "40", "28", "3D", "3F", "0A":
			return fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code)
		case "P0":
			return fmt.Sprintf("%s (SQLSTATE %s)", quoted.ReplaceAllString(pg.Message, "…"), pg.Code)
		}
		return "SQLSTATE " + pg.Code
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "ran out of time"
	case pgconn.Timeout(err):
		return "timed out"
	}
	return err.Error()
}
