package rights

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// protection reports dangers of tables that attempts could not prove, such as those of tables
// that are still empty.
type protection struct {
	role    string
	model   *tenancy.Model
	scope   *setup.Scope
	truth   query.Querier
	fixes   *fixes.Writer
	results *results.Collector
}

// NewProtection returns the check of what attempts could not prove of tables.
func NewProtection(s *setup.Setup) setup.Check {
	return &protection{s.Config.AppRole, s.Model, s.Scope, s.Truth, s.Fixes, s.Results}
}

func (c *protection) Run(ctx context.Context) error {
	own, err := query.Strings(ctx, c.truth, "SELECT rolname::text FROM pg_roles WHERE pg_has_role($1::name, oid, "+
		"'USAGE')", c.role)
	if err != nil {
		return err
	}
	for _, t := range c.scope.Tables {
		if t.IsView() || t.Kind == catalog.ForeignTable || c.model.IsDirectory(t) {
			continue
		}
		c.judgeRowSecurity(t)
		if t.Trigger && t.Usage && !slices.Contains(own, t.Owner) {
			c.risk(t, results.Trigger, "the app role holds TRIGGER: a trigger that one session creates runs in the "+
				"sessions of all tenants, with their rows",
				c.fixes.Revoke("TRIGGER", t, ""))
		}
		if t.RLS {
			c.judgePolicies(t)
		}
	}
	return nil
}

func (c *protection) risk(t *catalog.Relation, operation results.Operation, evidence, fix string) {
	c.results.AddRisk(operation, t.String(), evidence, fix)
}

// judgeRowSecurity reports a table whose row-level security is off.
func (c *protection) judgeRowSecurity(t *catalog.Relation) {
	onlySignUp := c.model.IsTenants(t) && !t.Readable() && !t.Updatable() && !t.Delete
	if t.RLS || onlySignUp || c.results.Leaks(t.String()) || c.results.HasRisk(t.String()) {
		return
	}
	c.risk(t, results.RowSecurity, "row-level security is off; no other tenant has a row here that could prove a leak",
		c.fixes.Close(t, results.Read))
}

// policyUse is what the policies of a table allow.
type policyUse struct {
	operation results.Operation
	command   catalog.Command
	allowed   bool
	condition func(catalog.Policy) string
}

func using(p catalog.Policy) string { return p.Using }

// withCheck is the condition for rows as they are after a write.
func withCheck(p catalog.Policy) string {
	if p.Check == "" && p.Command != catalog.ForInsert {
		return p.Using
	}
	return p.Check
}

// judgePolicies reports permissive policies that hold for every row where no restrictive one
// does more.
func (c *protection) judgePolicies(t *catalog.Relation) {
	for _, u := range []policyUse{
		{results.Read, catalog.ForSelect, t.Readable(), using},
		{results.Insert, catalog.ForInsert, t.Insertable(), withCheck},
		{results.Update, catalog.ForUpdate, t.Updatable(), using},
		{results.Update, catalog.ForUpdate, t.Updatable(), withCheck},
		{results.Delete, catalog.ForDelete, t.Delete, using},
	} {
		byDesign := c.model.IsTenants(t) && u.operation == results.Insert || // people sign up
			u.operation == results.Read && alwaysTrue(c.model.PublicRows(t))
		if !u.allowed || byDesign || c.results.Leaks(t.String(), u.operation) || c.results.HasRisk(t.String()) {
			continue
		}
		if name := u.open(t.Policies); name != "" {
			evidence := fmt.Sprintf("policy %q is true for every row, and no restrictive policy limits it; "+
				"no other tenant has a row here that could prove a leak", name)
			c.risk(t, u.operation, evidence, c.fixes.Close(t, u.operation))
		}
	}
}

// open returns the name of a permissive policy that holds for every row, unless a restrictive
// one does not.
func (u policyUse) open(policies []catalog.Policy) string {
	open := ""
	for _, p := range policies {
		if !p.Applies || p.Command != catalog.ForAll && p.Command != u.command {
			continue
		}
		condition := u.condition(p)
		always := alwaysTrue(condition)
		if p.Permissive && always {
			open = p.Name
		}
		if !p.Permissive && condition != "" && !always {
			return ""
		}
	}
	return open
}

// alwaysTrue reports whether a condition holds for every row. PostgreSQL spells conditions with
// spaces around operators, so most need no parser.
func alwaysTrue(condition string) bool {
	lower := strings.ToLower(condition)
	if lower == "true" {
		return true
	}
	if !strings.Contains(lower, "true") && !strings.Contains(lower, "false") && !sameSides(lower) {
		return false
	}
	n, err := sqltree.Expression(condition)
	return err == nil && n.AlwaysTrue()
}

// sameSides reports whether a comparison may have the same on both sides.
func sameSides(condition string) bool {
	words := strings.Fields(strings.NewReplacer("(", " ", ")", " ").Replace(condition))
	for i := 1; i+1 < len(words); i++ {
		if words[i] == "=" && words[i-1] == words[i+1] {
			return true
		}
	}
	return false
}
