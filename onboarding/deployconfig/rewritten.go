package deployconfig

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// rewritten refuses what may give a variable another value than the line that assigns it, in the
// ways that bash(1) has. What a file that is sourced does is not known, nor is a name that is
// computed.
func rewritten(node syntax.Node, name string) error {
	by := ""
	switch node := node.(type) {
	case *syntax.WordIter:
		if node.Name.Value == name {
			return fmt.Errorf("line %d: a loop assigns %s: assign it a constant", node.Name.Pos().Line(), name)
		}
	case *syntax.Stmt:
		by = setBy(node, name)
	case *syntax.DeclClause:
		return altered(node, name)
	case *syntax.BinaryArithm: // all operators that assign end in =, as do four that compare
		op := node.Op.String()
		if strings.HasSuffix(op, "=") && !slices.Contains([]string{"==", "!=", "<=", ">="}, op) &&
			isWordWith(node.X, name) {
			by = op
		}
	case *syntax.UnaryArithm:
		if (node.Op == syntax.Inc || node.Op == syntax.Dec) && isWordWith(node.X, name) {
			by = node.Op.String()
		}
	case *syntax.LetClause:
		for _, expression := range node.Exprs {
			if isWordWith(expression, name) {
				by = "let"
			}
		}
	case *syntax.CoprocClause:
		if node.Name != nil && mentions(node.Name, name) {
			by = "coproc"
		}
	case *syntax.Redirect:
		if node.N != nil && node.N.Value == "{"+name+"}" {
			by = "a redirection"
		}
	}
	if by != "" {
		return fmt.Errorf("line %d: %s may change %s", node.Pos().Line(), by, name)
	}
	return nil
}

// isWordWith reports whether an expression is a single word that mentions the name.
func isWordWith(expression syntax.ArithmExpr, name string) bool {
	word, ok := expression.(*syntax.Word)
	return ok && mentions(word, name)
}

// setters are the commands that set variables that their arguments name, or run their arguments.
var setters = []string{".", "alias", "eval", "getopts", "let", "mapfile", "printf", "read", "readarray", "source",
	"trap", "unset", "wait"}

// setBy returns the command of a statement after which the variable may have another value than
// was assigned, empty if it cannot.
func setBy(stmt *syntax.Stmt, name string) string {
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok {
		return ""
	}
	command, args := "", call.Args
	for len(args) > 0 { // command and builtin run what follows, with quotes and backslashes or without
		command, _ = constantOf(args[0])
		args = args[1:]
		if command != "command" && command != "builtin" && !strings.HasPrefix(command, "-") {
			break
		}
	}
	if !slices.Contains(setters, command) {
		return ""
	}
	if command == "printf" {
		if len(args) == 0 || !strings.HasPrefix(args[0].Lit(), "-v") {
			return ""
		}
		if args[0].Lit() == "-v"+name {
			return command
		}
	}
	for _, arg := range args {
		if mentions(arg, name) {
			return command
		}
	}
	for _, redirect := range stmt.Redirs {
		for _, word := range []*syntax.Word{redirect.Word, redirect.Hdoc} {
			if (command == "." || command == "source") && word != nil && mentions(word, name) {
				return command
			}
		}
	}
	return ""
}

// altered refuses a declaration that makes the variable's value another one, such as declare -u,
// or gives it a second name.
func altered(clause *syntax.DeclClause, name string) error {
	options, named := "", false
	for _, arg := range clause.Args {
		switch {
		case arg.Name != nil && arg.Name.Value == name:
			named = true
		case arg.Name == nil && arg.Value != nil && strings.HasPrefix(arg.Value.Lit(), "-"):
			options += arg.Value.Lit()
		case arg.Value != nil && mentions(arg.Value, name) && strings.Contains(options, "n"):
			named = true
		}
	}
	declares := clause.Variant.Value != "export" && clause.Variant.Value != "readonly"
	if named && declares && (clause.Variant.Value == "nameref" || strings.ContainsAny(options, "aAilnu")) {
		return fmt.Errorf("line %d: %s %s may change the value of %s", clause.Pos().Line(), clause.Variant.Value,
			options, name)
	}
	return nil
}

// mentions reports whether a word holds the name in text that is no expansion of it.
func mentions(word *syntax.Word, name string) (found bool) {
	syntax.Walk(word, func(node syntax.Node) bool {
		switch node := node.(type) {
		case *syntax.Lit:
			found = found || containsName(node.Value, name)
		case *syntax.SglQuoted:
			found = found || containsName(node.Value, name)
		case *syntax.ParamExp: // reads it
			return false
		}
		return !found
	})
	return found
}

// containsName reports whether a text holds the name and not only a longer one.
func containsName(text, name string) bool {
	inName := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	}
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return !inName(r) }), name)
}
