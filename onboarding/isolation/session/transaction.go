package session

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// shape is which settings a connection's sessions leave unset for good: a setting that was set once is empty afterwards and never again unset.
type Shape struct{ user, org, extra bool }

func (s Session) Shape() Shape { return Shape{s.User == nil, s.Org == nil, len(s.Extra) > 0} }

// within runs f in a transaction of the session that is always rolled back.
func Within(ctx context.Context, conn *pgx.Conn, names Settings, s Session, readOnly bool, f func() error) error {
	begin := "BEGIN;"
	if readOnly {
		begin = "BEGIN READ ONLY;"
	}
	err := query.Exec(ctx, conn, begin+s.Enter(names))
	if err == nil {
		err = f()
	}
	if rollback := query.Exec(context.WithoutCancel(ctx), conn, "ROLLBACK"); rollback != nil && err == nil {
		err = rollback
	}
	return err
}
