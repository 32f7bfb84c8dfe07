package runbook

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// lookDatabase finds which of the Provider's rows are missing. A row that is there as the run wants it is left alone; one
// that holds something else is a conflict.
func (b *Runbook) lookDatabase(ctx context.Context, run *onboarding.Run) (onboarding.Observation, error) {
	rows := &tenantRows{Runbook: b, request: run.Request, facts: onboarding.Facts{}}
	wanted := onboarding.Tenant{ID: run.TenantID.String(), Slug: run.Request.Slug, Email: run.Request.Email, DisplayName: run.Request.DisplayName}
	if err := rows.user(ctx, wanted); err != nil {
		return onboarding.Observation{}, err
	}
	var err error
	switch run.Request.Mode {
	case onboarding.ModeOwner:
		err = rows.owned(ctx)
	case onboarding.ModeMember:
		err = rows.joined(ctx)
	}
	if err != nil {
		return onboarding.Observation{}, err
	}
	look := onboarding.Observation{Facts: rows.facts}
	if len(rows.missing) > 0 {
		look.Change = onboarding.Change{
			Summary: "Add " + enumerated(rows.what) + " in one transaction",
			Items:   []onboarding.Item{{SQL: &onboarding.Transaction{Statements: rows.missing}}},
		}
	}
	return look, nil
}

// enumerated joins words as in a sentence.
func enumerated(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// tenantRows are the rows that make one Provider, and those of them that are missing.
type tenantRows struct {
	*Runbook
	request onboarding.Request
	id      string // the id that the Person has or will have
	facts   onboarding.Facts
	missing []onboarding.Statement
	what    []string
}

func (r *tenantRows) add(what string, statement onboarding.Statement) {
	r.missing, r.what = append(r.missing, statement), append(r.what, what)
}

func conflict(fix, format string, args ...any) error {
	return &onboarding.ConflictError{What: fmt.Sprintf(format, args...), Fix: fix}
}

const otherSlug = "Nothing is overwritten: cancel the run and onboard them under another slug, or correct the request."

func (r *tenantRows) user(ctx context.Context, wanted onboarding.Tenant) error {
	found, err := r.db.Tenant(ctx, wanted.Slug)
	if err != nil {
		return err
	}
	if found == nil {
		if err := r.free(ctx, wanted.Slug, false); err != nil {
			return err
		}
		holder, err := r.db.EmailTaken(ctx, wanted.Email)
		if err != nil {
			return err
		}
		if holder != "" {
			return conflict("Cancel the run and use another address.", "The address %s belongs to the Provider %s.", wanted.Email, holder)
		}
		r.id = wanted.ID
		r.add("the Person "+wanted.Slug, r.db.InsertUser(wanted))
		return nil
	}
	if found.Email != wanted.Email || found.DisplayName != wanted.DisplayName {
		return conflict(otherSlug, "There is a Person %s already: %q with the address %s, not %q with %s.",
			wanted.Slug, found.DisplayName, found.Email, wanted.DisplayName, wanted.Email)
	}
	r.id, r.facts[onboarding.FactUserID] = found.ID, found.ID
	return nil
}

// free says whether a slug is taken in the other table: slugs are unique over Persons and Orgs.
func (r *tenantRows) free(ctx context.Context, slug string, forOrg bool) error {
	if forOrg {
		person, err := r.db.Tenant(ctx, slug)
		if err == nil && person != nil {
			err = conflict(otherSlug, "The slug %s is that of a Person.", slug)
		}
		return err
	}
	org, err := r.db.FindOrg(ctx, slug)
	if err == nil && org != nil {
		err = conflict(otherSlug, "The slug %s is that of an Org.", slug)
	}
	return err
}

func (r *tenantRows) owned(ctx context.Context) error {
	wanted := r.request.Org
	found, err := r.db.FindOrg(ctx, wanted.Slug)
	if err != nil {
		return err
	}
	if found == nil {
		if err := r.free(ctx, wanted.Slug, true); err != nil {
			return err
		}
		r.add("the Org "+wanted.Slug, r.db.InsertOrg(wanted, r.id))
		r.add("their ownership of it", r.db.InsertMember(wanted.Slug, r.id, r.db.OwnerRole()))
		return nil
	}
	if found.Name != wanted.Name || found.Owner != r.id {
		return conflict(otherSlug, "There is an Org %s already: %q, owned by %s.", wanted.Slug, found.Name, found.OwnerSlug)
	}
	return r.member(ctx, found, r.db.OwnerRole())
}

func (r *tenantRows) joined(ctx context.Context) error {
	found, err := r.db.FindOrg(ctx, r.request.Org.Slug)
	if err != nil {
		return err
	}
	if found == nil {
		return conflict("Cancel the run and choose an Org that exists.", "There is no Org %s.", r.request.Org.Slug)
	}
	return r.member(ctx, found, r.db.MemberRole())
}

func (r *tenantRows) member(ctx context.Context, org *platform.Org, role string) error {
	r.facts[onboarding.FactOrgID] = org.ID
	has, err := r.db.Role(ctx, org.ID, r.id)
	switch {
	case err != nil:
		return err
	case has == "":
		r.add(fmt.Sprintf("them to the Org %s as %s", org.Slug, role), r.db.InsertMember(org.Slug, r.id, role))
	case has != role:
		return conflict("Nothing is overwritten: change their role by hand, or correct the request.", "%s is in the Org %s already, as %s instead of %s.",
			r.request.Slug, org.Slug, has, role)
	}
	return nil
}
