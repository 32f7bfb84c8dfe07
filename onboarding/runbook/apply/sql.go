package apply

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// sqlApplier runs transactions on the platform's database.
type sqlApplier struct{ db *platform.DB }

func (a sqlApplier) apply(ctx context.Context, transaction onboarding.Transaction, log onboarding.Log) error {
	for _, statement := range transaction.Statements {
		log.Line(statement.SQL)
	}
	if err := a.db.Execute(ctx, transaction); err != nil {
		return err
	}
	log.Line("committed")
	return nil
}
