package functions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// roleSettings are the settings that say with whose rights a session runs.
var roleSettings = []string{"role", "session_authorization"}

// judgeRoleChange reports a function that gives up the role of the session which calls it: where
// the session only took on the app role, the function acts with the rights of whoever logged in.
// PostgreSQL refuses that inside a SECURITY DEFINER function.
func (c *definitions) judgeRoleChange(f *catalog.Function) {
	if !f.Executable && !f.ReturnsTrigger() {
		return
	}
	how := ""
	for _, set := range f.Config {
		if name, _, _ := strings.Cut(set, "="); slices.Contains(roleSettings, name) {
			how = "SET " + name
		}
	}
	if how == "" && !f.Definer && f.Mentions("reset", "authorization", "set_config", "setrole", "setlocalrole",
		"setsessionrole", "execute") {
		how = roleChange(f)
	}
	if how == "" {
		return
	}
	c.risk(f, results.RoleChange, fmt.Sprintf("runs %s: in a session that only switched to the app role, it acts with "+
		"the rights of the role that logged in", how), c.fixes.RevokeExecute(f, "or take "+how+" out of it"))
}

// roleChange returns the statement by which a function changes its role, or nothing.
func roleChange(f *catalog.Function) string {
	body, err := f.Body()
	if err != nil || body == nil {
		return ""
	}
	return body.Find(changesRole)
}

func changesRole(n sqltree.Node) (how string) {
	sqltree.Walk(n, func(n sqltree.Node) bool {
		switch n.Kind {
		case "VariableSetStmt":
			if name := n.Text("name"); slices.Contains(roleSettings, name) {
				how = "SET " + strings.ToUpper(strings.ReplaceAll(name, "_", " "))
				if n.Text("kind") == "VAR_RESET" {
					how = "RE" + how
				}
			}
		case "FuncCall":
			if n.Name("funcname") != "set_config" || len(n.List("args")) == 0 {
				break
			}
			argument := n.List("args")[0]
			if argument.Kind == "TypeCast" {
				argument = argument.Node("arg")
			}
			if name, ok := argument.Constant(); ok && slices.Contains(roleSettings, strings.ToLower(name)) {
				how = "set_config('" + name + "', …)"
			}
		}
		return how == ""
	})
	return how
}
