package outbox

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/internal/routine"
)

func TestOnlyFaultsOfARowSetItAside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		failure error
		want    string
	}{
		{fmt.Errorf("record: %w", &pgconn.PgError{Code: "22021"}), "sqlstate_22021"},
		{&pgconn.PgError{Code: "23505"}, "sqlstate_23505"},
		{&pgconn.PgError{Code: "54000"}, "sqlstate_54000"},
		{&routine.PanicError{Value: "bug"}, "panic"},
		{&pgconn.PgError{Code: "57P01"}, ""}, // admin_shutdown
		{&pgconn.PgError{Code: "40001"}, ""}, // serialization_failure
		{&pgconn.PgError{Code: "53300"}, ""}, // too_many_connections
		{&pgconn.PgError{Code: "42P01"}, ""}, // undefined_table: every row would fail
		{&pgconn.PgError{}, ""},
		{context.Canceled, ""},
		{errors.New("23505"), ""},
		{nil, ""},
	} {
		if got := rowFault(c.failure); got != c.want {
			t.Errorf("%v: %q, want %q", c.failure, got, c.want)
		}
	}
}
