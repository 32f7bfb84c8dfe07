package apply

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// sqlApplier runs transactions on the platform's database.
type sqlApplier struct{ db *platform.DB }

func (a sqlApplier) apply(ctx context.Context, transaction onboarding.Transaction, task Task) error {
	for _, statement := range transaction.Statements {
		task.Log.Line(statement.SQL)
	}
	owner := platform.Owner{Run: task.Run.ID, Confirm: task.Holder.Confirm}
	if err := a.db.Execute(ctx, transaction, owner); err != nil {
		return err
	}
	task.Log.Line("committed")
	return nil
}
