package reports

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/risk"
)

// Acceptances tells which risks operators accept beside those of the configuration, and which they
// accepted until lately: a report then says why such a risk counts again.
type Acceptances interface {
	Accepted(ctx context.Context) ([]*risk.Request, error)
}

// accepting is a checker whose reports set these risks apart.
type accepting struct {
	ReadyChecker
	acceptances Acceptances
}

// Accepting returns a checker whose reports also set apart the risks that operators accept.
func Accepting(checker ReadyChecker, acceptances Acceptances) ReadyChecker {
	return accepting{checker, acceptances}
}

// Check implements [Checker].
func (a accepting) Check(ctx context.Context, options isolation.Options) (*isolation.Report, error) {
	report, err := a.ReadyChecker.Check(ctx, options)
	if err != nil {
		return nil, err
	}
	requests, err := a.acceptances.Accepted(ctx)
	if err != nil {
		return nil, fmt.Errorf("accepted risks: %w", err)
	}
	list := make([]isolation.Acceptance, len(requests))
	for i, request := range requests {
		list[i] = acceptance(request)
	}
	report.Accept(list, time.Now())
	return report, nil
}

func acceptance(request *risk.Request) isolation.Acceptance {
	names := make([]string, 0, len(request.Votes))
	for _, approver := range request.Approvers() {
		names = append(names, approver.Name)
	}
	return isolation.Acceptance{Object: request.Object, Operation: isolation.Operation(request.Operation),
		Definition: request.Definition, Reason: request.Reason, Until: request.Until, Request: request.ID.String(),
		Who: fmt.Sprintf("requested by %s, accepted by %s", request.By.Name, strings.Join(names, " and "))}
}
