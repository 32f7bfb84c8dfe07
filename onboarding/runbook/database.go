package runbook

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

const kindDatabase onboarding.Kind = "database"

// databaseStep makes the Provider a tenant of the platform.
func databaseStep(c *components) Step {
	d := &database{c.Platform}
	return Step{
		Kind: kindDatabase, Title: "Database rows", Destructive: true,
		Why:     "With these rows the Provider becomes a tenant.",
		After:   []onboarding.Kind{kindPreflight},
		Observe: d.observe,
		// The statements only add, and none sets created_at: no row of a new tenant predates its
		// run.
		Allows: allowance{sql: statements(func() []string { return d.db.Insertions() })}.allows,
		Undo: &Step{
			Title:   "Take back the database rows",
			Why:     "Without these rows the Provider is no longer a tenant.",
			Observe: d.observeUndo,
			// The statements delete what was added, by all of its values.
			Allows: allowance{sql: statements(func() []string { return d.db.Deletions() })}.allows,
		},
	}
}

type database struct{ db *platform.DB }

// observe returns which of the Provider's rows are missing. A row that exists as the run wants it
// is left alone; one that holds something else is a conflict.
func (d *database) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	if err := d.db.Confirm(ctx); err != nil {
		return onboarding.Observation{}, err
	}
	request := s.run.Request
	rows := &tenantRows{db: d.db, request: request, facts: onboarding.Facts{}}
	wanted := onboarding.Tenant{
		ID: s.run.TenantID.String(), Slug: request.Slug, Email: request.Email, DisplayName: request.DisplayName,
	}
	if err := rows.user(ctx, wanted); err != nil {
		return onboarding.Observation{}, err
	}
	var err error
	switch request.Mode {
	case onboarding.ModeOwner:
		err = rows.owned(ctx)
	case onboarding.ModeMember:
		err = rows.joined(ctx)
	}
	if err != nil {
		return onboarding.Observation{}, err
	}
	seen := onboarding.Observation{Facts: rows.facts}
	if len(rows.missing) > 0 {
		seen.Change = onboarding.Change{
			Summary: "Add " + enumerate(rows.what) + " in one transaction",
			Items:   []onboarding.Item{{SQL: &onboarding.Transaction{Statements: rows.missing}}},
		}
	}
	return seen, nil
}

// enumerate joins words as in a sentence.
func enumerate(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// tenantRows collects those rows of one Provider that are missing.
type tenantRows struct {
	db      *platform.DB
	request onboarding.Request
	id      string // the id that the Person has or will have
	facts   onboarding.Facts
	missing []onboarding.Statement
	what    []string
}

func (r *tenantRows) add(what string, statement onboarding.Statement) {
	r.missing, r.what = append(r.missing, statement), append(r.what, what)
}

const otherSlug = "Nothing is overwritten: cancel the run and onboard them under another slug, or correct the request."

func (r *tenantRows) user(ctx context.Context, wanted onboarding.Tenant) error {
	found, err := r.db.Tenant(ctx, wanted.Slug)
	if err != nil {
		return err
	}
	if found == nil {
		if err := r.noOrg(ctx, wanted.Slug); err != nil {
			return err
		}
		holder, err := r.db.EmailTaken(ctx, wanted.Email)
		if err != nil {
			return err
		}
		if holder != "" {
			return onboarding.Conflictf("Cancel the run and use another address.",
				"The address %s belongs to the Provider %s.", wanted.Email, holder)
		}
		r.id = wanted.ID
		r.add("the Person "+wanted.Slug, r.db.InsertUser(wanted))
		return nil
	}
	if found.Email != wanted.Email || found.DisplayName != wanted.DisplayName {
		return onboarding.Conflictf(otherSlug, "There is a Person %s already: %q with the address %s, not %q with %s.",
			wanted.Slug, found.DisplayName, found.Email, wanted.DisplayName, wanted.Email)
	}
	r.id, r.facts[onboarding.FactUserID] = found.ID, found.ID
	return nil
}

// noOrg returns a conflict if the slug is that of an Org: slugs are unique over Persons and Orgs.
func (r *tenantRows) noOrg(ctx context.Context, slug string) error {
	org, err := r.db.FindOrg(ctx, slug)
	if err == nil && org != nil {
		err = onboarding.Conflictf(otherSlug, "The slug %s is that of an Org.", slug)
	}
	return err
}

// noPerson returns a conflict if the slug is that of a Person.
func (r *tenantRows) noPerson(ctx context.Context, slug string) error {
	person, err := r.db.Tenant(ctx, slug)
	if err == nil && person != nil {
		err = onboarding.Conflictf(otherSlug, "The slug %s is that of a Person.", slug)
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
		if err := r.noPerson(ctx, wanted.Slug); err != nil {
			return err
		}
		r.add("the Org "+wanted.Slug, r.db.InsertOrg(wanted, r.id))
		r.add("their ownership of it", r.db.InsertMember(wanted.Slug, r.id, r.db.OwnerRole()))
		return nil
	}
	if found.Name != wanted.Name || found.Owner != r.id {
		return onboarding.Conflictf(otherSlug, "There is an Org %s already: %q, owned by %s.",
			wanted.Slug, found.Name, found.OwnerSlug)
	}
	return r.member(ctx, found, r.db.OwnerRole())
}

func (r *tenantRows) joined(ctx context.Context) error {
	found, err := r.db.FindOrg(ctx, r.request.Org.Slug)
	if err != nil {
		return err
	}
	if found == nil {
		return onboarding.Conflictf("Cancel the run and choose an Org that exists.", "There is no Org %s.",
			r.request.Org.Slug)
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
		return onboarding.Conflictf("Nothing is overwritten: change their role by hand, or correct the request.",
			"%s is in the Org %s already, as %s instead of %s.", r.request.Slug, org.Slug, has, role)
	}
	return nil
}

// observeUndo returns the deletion of those rows of the run that still exist. It is a conflict if
// anything else depends on one.
func (d *database) observeUndo(ctx context.Context, s *scope) (onboarding.Observation, error) {
	if err := d.db.Confirm(ctx); err != nil {
		return onboarding.Observation{}, err
	}
	var inserted []onboarding.Statement
	for _, item := range applied(s.run, "", kindDatabase) {
		if item.SQL != nil {
			inserted = append(inserted, item.SQL.Statements...)
		}
	}
	deletions, err := d.db.TakeBack(ctx, inserted)
	if err != nil || len(deletions) == 0 {
		return onboarding.Observation{}, err
	}
	rows := "1 row"
	if len(deletions) > 1 {
		rows = fmt.Sprintf("%d rows", len(deletions))
	}
	return onboarding.Observation{Change: onboarding.Change{
		Summary: fmt.Sprintf("Delete %s of %s in one transaction", rows, s.run.Request.Slug),
		Items:   []onboarding.Item{{SQL: &onboarding.Transaction{Statements: deletions}}},
	}}, nil
}
