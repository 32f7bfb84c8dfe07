package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Applied says which parts of a request an onboarding began to apply: these cannot be edited any
// more.
type Applied struct {
	// Person says that the rows of the Provider and the Org were begun.
	Person bool
	// Domains are the names of the domains of which a change was begun.
	Domains []string
}

// AppliedParts returns what of a run's request cannot be edited any more.
func AppliedParts(view *onboarding.View) Applied {
	var applied Applied
	for _, attempt := range view.Attempts {
		switch domain := attempt.Step.Domain(); {
		case domain == "":
			applied.Person = true
		case !slices.Contains(applied.Domains, domain):
			applied.Domains = append(applied.Domains, domain)
		}
	}
	return applied
}

// CheckEdited is [Service.Check] for an edited request that takes the place of an active run, zero
// for none. What was begun of that run has to stay as it is.
func (s *Service) CheckEdited(ctx context.Context, request onboarding.Request, replaced uuid.UUID) error {
	if replaced == uuid.Nil {
		return s.Check(ctx, request)
	}
	view, err := s.Records.View(ctx, replaced)
	if err != nil {
		return err
	}
	if view.State != onboarding.RunActive || view.Kind != onboarding.KindOnboard {
		return onboarding.ErrRunEnded
	}
	check := newCheck(s, request, view.Run)
	check.replaces = true
	before, applied := view.Request, AppliedParts(view)
	const fixed = "It was applied already, so it cannot change."
	if before.Slug != request.Slug {
		check.problems.Add(onboarding.FieldSlug, "An onboarding keeps its slug. Cancel it and start another one.")
	}
	for field, changed := range map[onboarding.Field]bool{
		onboarding.FieldName:    before.DisplayName != request.DisplayName,
		onboarding.FieldEmail:   before.Email != request.Email,
		onboarding.FieldMode:    before.Mode != request.Mode,
		onboarding.FieldOrg:     before.Org.Slug != request.Org.Slug,
		onboarding.FieldOrgName: before.Mode == onboarding.ModeOwner && before.Org.Name != request.Org.Name,
	} {
		if applied.Person && changed {
			check.problems.Add(field, fixed)
		}
	}
	for _, domain := range before.Domains {
		if slices.Contains(applied.Domains, domain.Name) && !slices.Contains(request.Domains, domain) {
			check.problems.Append(onboarding.FieldDomains,
				fmt.Sprintf("%s has applied changes, so it stays as it was, with its host and its mail.", domain.Name))
		}
	}
	return check.all(ctx)
}

// replace cancels the run whose place a new one takes.
func replace(ctx context.Context, tx pgx.Tx, replaced uuid.UUID, actor onboarding.Operator) error {
	run, err := store.LockRun(ctx, tx, replaced)
	if err != nil {
		return err
	}
	if run.State != onboarding.RunActive {
		return onboarding.ErrRunEnded
	}
	event := onboarding.Event{RunID: replaced, Kind: onboarding.EventCancelled, Actor: actor,
		Text: "The request was edited, and a new run continues."}
	return cancel(ctx, tx, run, event)
}
