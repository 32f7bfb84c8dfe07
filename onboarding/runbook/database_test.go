package runbook_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// Tenants that the world begins with.
const (
	quinnID   = "11111111-1111-4111-8111-111111111111"
	cocotteID = "22222222-2222-4222-8222-222222222222"
	lilithOrg = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
)

const (
	insertUser   = "INSERT INTO users (id, slug, email, display_name) VALUES ($1, $2, $3, $4)"
	insertOrg    = "INSERT INTO orgs (slug, name, owner_id) VALUES ($1, $2, $3)"
	insertMember = "INSERT INTO org_members (org_id, user_id, role) VALUES ((SELECT id FROM orgs WHERE slug = $1), " +
		"$2, $3)"
)

func person(slug string) onboarding.Request {
	return onboarding.Request{Slug: slug, DisplayName: "Name of " + slug, Email: slug + "@example.com",
		Mode: onboarding.ModePerson}
}

func owner(slug string) onboarding.Request {
	request := person(slug)
	request.Mode, request.Org = onboarding.ModeOwner, onboarding.Org{Slug: slug + "-collective",
		Name: "Collective of " + slug}
	return request
}

func member(slug, org string) onboarding.Request {
	request := person(slug)
	request.Mode, request.Org = onboarding.ModeMember, onboarding.Org{Slug: org}
	return request
}

func TestDatabase(t *testing.T) {
	w := newFixture(t, nil)
	t.Run("modes", func(t *testing.T) { w.in(t).databaseModes(t) })
	t.Run("conflicts", func(t *testing.T) { w.in(t).databaseConflicts(t) })
	t.Run("taken up again", func(t *testing.T) {
		w := w.in(t)
		request := person("again")
		w.do(w.newRun(request), "database")
		run := w.newRun(request)
		if change := w.do(run, "database"); !change.Empty() {
			t.Errorf("a second run wants %+v", change)
		}
		if run.Tenant() == run.TenantID.String() {
			t.Error("the second run does not know the row that is there")
		}
		// The Org alone is missing now.
		request.Mode, request.Org = onboarding.ModeOwner, onboarding.Org{Slug: "again-collective", Name: "Again"}
		later := w.newRun(request)
		if change := w.observe(later, "database").Change; change.Summary != "Add the Org again-collective and their "+
			"ownership of it in one transaction" {
			t.Errorf("got %q", change.Summary)
		}
	})
	t.Run("all or nothing", func(t *testing.T) {
		w := w.in(t)
		run := w.newRun(owner("half"))
		change := w.observe(run, "database").Change
		w.sql("INSERT INTO orgs (slug, name, owner_id) VALUES ('half-collective', 'Taken meanwhile', '" + quinnID +
			"')")
		if err := w.apply(run, "database", change); err == nil {
			t.Fatal("the second statement cannot have worked")
		}
		if tenant, err := w.parts.Platform.Tenant(t.Context(), "half"); err != nil || tenant != nil {
			t.Errorf("the first statement stayed: %+v, %v", tenant, err)
		}
	})
	t.Run("hostile values are values", func(t *testing.T) {
		w := w.in(t)
		request := person("hostile")
		request.DisplayName = `x'); DROP TABLE users; --`
		run := w.newRun(request)
		w.do(run, "database")
		tenant, err := w.parts.Platform.Tenant(t.Context(), "hostile")
		if err != nil || tenant.DisplayName != request.DisplayName {
			t.Errorf("got %+v, %v", tenant, err)
		}
	})
}

func (w *fixture) databaseModes(t *testing.T) {
	for _, test := range []struct {
		request onboarding.Request
		want    func(id string) []onboarding.Statement
	}{
		{person("anna"), func(id string) []onboarding.Statement {
			return []onboarding.Statement{{SQL: insertUser,
				Args: []string{id, "anna", "anna@example.com", "Name of anna"}}}
		}},
		{owner("bella"), func(id string) []onboarding.Statement {
			return []onboarding.Statement{
				{SQL: insertUser, Args: []string{id, "bella", "bella@example.com", "Name of bella"}},
				{SQL: insertOrg, Args: []string{"bella-collective", "Collective of bella", id}},
				{SQL: insertMember, Args: []string{"bella-collective", id, "owner"}},
			}
		}},
		{member("clara", "cocotte"), func(id string) []onboarding.Statement {
			return []onboarding.Statement{
				{SQL: insertUser, Args: []string{id, "clara", "clara@example.com", "Name of clara"}},
				{SQL: insertMember, Args: []string{"cocotte", id, "member"}},
			}
		}},
	} {
		run := w.newRun(test.request)
		change := w.do(run, "database")
		want := []onboarding.Item{{SQL: &onboarding.Transaction{Statements: test.want(run.TenantID.String())}}}
		if diff := cmp.Diff(want, change.Items); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.request.Slug, diff)
		}
		if run.Facts["user_id"] != run.TenantID.String() ||
			(run.Facts["org_id"] == "") != (test.request.Mode == onboarding.ModePerson) {
			t.Errorf("%s: facts %v", test.request.Slug, run.Facts)
		}
	}
}

func (w *fixture) databaseConflicts(t *testing.T) {
	w.sql("INSERT INTO users (slug, email, display_name) VALUES ('dora', 'dora@example.com', 'Name of dora');" +
		"INSERT INTO orgs (slug, name, owner_id) VALUES ('dora-collective', 'Collective of dora', '" + quinnID +
		"');" +
		"INSERT INTO org_members (org_id, user_id, role) VALUES ('" + lilithOrg +
		"', (SELECT id FROM users WHERE slug = 'dora'), 'owner')")
	change := func(request onboarding.Request, edit func(*onboarding.Request)) onboarding.Request {
		edit(&request)
		return request
	}
	for want, request := range map[string]onboarding.Request{
		`There is a Person dora already: "Name of dora" with the address dora@example.com, not "Name of dora" with else@example.com.`: change(person("dora"),
			func(r *onboarding.Request) { r.Email = "else@example.com" }),
		`There is a Person dora already: "Name of dora" with the address dora@example.com, not "Dora" with dora@example.com.`: change(person("dora"),
			func(r *onboarding.Request) { r.DisplayName = "Dora" }),
		"The address Dora@example.com belongs to the Provider dora.": change(person("emma"),
			func(r *onboarding.Request) { r.Email = "Dora@example.com" }),
		"The slug lilith is that of an Org.": person("lilith"),
		"The slug quinn is that of a Person.": change(owner("fiona"),
			func(r *onboarding.Request) { r.Org.Slug = "quinn" }),
		`There is an Org dora-collective already: "Collective of dora", owned by quinn.`: owner("dora"),
		"There is no Org nowhere.":                               member("greta", "nowhere"),
		"dora is in the Org lilith already, as owner instead of": member("dora", "lilith"),
	} {
		if got := w.conflict(w.newRun(request), "database"); !strings.HasPrefix(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

// TestRowsLeaveAServerAlone lets another server answer between the question and the application.
func TestRowsLeaveAServerAlone(t *testing.T) {
	w := newFixture(t, nil)
	run := w.newRun(person("nina"))
	change := w.observe(run, "database").Change
	const setting = "ALTER DATABASE platform SET platform.cluster_name = "
	w.sql(setting + "'restored-copy'")
	w.reconnect()
	if err := w.apply(run, "database", change); !errors.Is(err, onboarding.ErrTargetChanged) {
		t.Errorf("error = %v, want %v", err, onboarding.ErrTargetChanged)
	}
	if seen, err := w.runbook.Observe(t.Context(), run, "database"); !errors.Is(err, platform.ErrWrongServer) {
		t.Errorf("observed %+v, error = %v", seen, err)
	}
	if tenant, err := w.parts.Platform.Tenant(t.Context(), "nina"); err != nil || tenant != nil {
		t.Errorf("the row is on the wrong server: %+v, %v", tenant, err)
	}
}
