package catalog

import (
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// codeOfRow is the code of the functions of the triggers of t, and of its further code of some
// kinds, such as rules.
func (c *Catalog) codeOfRow(t *Relation, further ...string) []*sqltree.Routine {
	var bodies []*sqltree.Routine
	for _, f := range c.Functions {
		if !slices.Contains(t.Triggers, f.OID) {
			continue
		}
		if body, err := f.Body(); err == nil && body != nil {
			bodies = append(bodies, body)
		}
	}
	for _, code := range t.Code {
		kind, _, _ := strings.Cut(code.Name, " ")
		if !slices.Contains(further, kind) {
			continue
		}
		if statements, err := sqltree.Statements(code.Text); err == nil {
			bodies = append(bodies, &sqltree.Routine{Statements: statements})
		}
	}
	return bodies
}

// ConstantsOfRow returns, by column of t, the constants that the code of its triggers and rules
// compares a new row's with.
func (c *Catalog) ConstantsOfRow(t *Relation) map[string][]string {
	bodies, constants := c.codeOfRow(t, "rule", "trigger"), map[string][]string{}
	for _, column := range t.Columns {
		for _, body := range bodies {
			found := body.Literals("new."+strings.ToLower(column.Name), -1)
			constants[column.Name] = append(constants[column.Name], found...)
		}
	}
	return constants
}

// UsesOfRow returns, by column of t, what the code of its triggers and rules uses it for.
func (c *Catalog) UsesOfRow(t *Relation) map[string][]Use {
	bodies := c.codeOfRow(t, "rule")
	uses := map[string][]Use{}
	for _, column := range t.Columns {
		for _, body := range bodies {
			for _, row := range []string{"new.", "old."} {
				found, passed := body.Uses(row+strings.ToLower(column.Name), -1)
				uses[column.Name] = slices.Concat(uses[column.Name], found, c.usesOfPassed(passed))
			}
		}
	}
	return uses
}

// usesOfPassed returns what functions use the arguments for that are passed to them.
func (c *Catalog) usesOfPassed(passed []sqltree.Passing) []Use {
	var uses []Use
	for _, p := range passed {
		for _, f := range c.Functions {
			if f.Name == p.Function {
				found, _ := f.Uses(p.Argument)
				uses = append(uses, found...)
			}
		}
	}
	return uses
}
