package deployconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Script is what makes a deploy.sh that of one domain: the values of its variables REMOTE_DEST and
// REMOTE_NGINX_CONF, and of REMOTE_HOST, which not every script has.
type Script struct {
	RemoteHost      string // REMOTE_HOST; empty where there is none, and left alone where it is set to nothing
	RemoteDest      string // REMOTE_DEST
	RemoteNginxConf string // REMOTE_NGINX_CONF
}

// The variables of deploy.sh.
const (
	remoteHost      = "REMOTE_HOST"
	remoteDest      = "REMOTE_DEST"
	remoteNginxConf = "REMOTE_NGINX_CONF"
)

// ErrNoHost says that a script has no REMOTE_HOST to set.
var ErrNoHost = errors.New("does not assign " + remoteHost)

// SetScript replaces the variables' values and keeps the way they are quoted where the new value
// allows it.
func SetScript(src []byte, script Script) ([]byte, error) {
	err := cmp.Or(oneLine(remoteDest, script.RemoteDest), oneLine(remoteNginxConf, script.RemoteNginxConf),
		hostLine(script.RemoteHost))
	if err != nil {
		return nil, err
	}
	edited, err := setScript(src, script)
	if err != nil {
		return nil, fmt.Errorf("deploy.sh: %w", err)
	}
	return edited, nil
}

func hostLine(host string) error {
	if host == "" {
		return nil
	}
	return oneLine(remoteHost, host)
}

func setScript(src []byte, script Script) ([]byte, error) {
	before, err := parseScript(src)
	if err != nil {
		return nil, err
	}
	if script.RemoteHost == "" {
		script.RemoteHost = before.host.value
	} else if before.hostProblem != nil {
		return nil, before.hostProblem
	}
	var edits []edit
	for _, set := range []struct {
		old  assignment
		want string
	}{{before.host, script.RemoteHost}, {before.dest, script.RemoteDest}, {before.conf, script.RemoteNginxConf}} {
		if set.old.value == set.want {
			continue
		}
		start := int(set.old.node.Name.End().Offset()) + len("=")
		end := start
		if word := set.old.node.Value; word != nil {
			start, end = int(word.Pos().Offset()), int(word.End().Offset())
		}
		quoted, err := quoteLike(src[start:end], set.want)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit{start, end, quoted})
	}
	out := splice(src, edits)
	after, err := parseScript(out)
	if err != nil {
		return nil, errors.Join(errChanged, err)
	}
	if after.script() != script {
		return nil, errChanged
	}
	same, err := sameButValues(before, after)
	if err != nil || !same {
		return nil, errors.Join(errChanged, err)
	}
	return out, nil
}

// assignment is one NAME=value with a constant value.
type assignment struct {
	node  *syntax.Assign
	value string
}

type parsedScript struct {
	file             *syntax.File
	host, dest, conf assignment
	hostProblem      error // why there is no host to set
}

func (p parsedScript) script() Script { return Script{p.host.value, p.dest.value, p.conf.value} }

func parseScript(src []byte) (parsedScript, error) {
	if err := text(src); err != nil {
		return parsedScript{}, err
	}
	if i := bytes.IndexByte(src, '\r'); i >= 0 { // bash takes it for a part of the line's last word
		return parsedScript{}, fmt.Errorf("line %d: ends in a carriage return: save the file with Unix line ends",
			lineOf(src, i))
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash),
		syntax.KeepComments(true)).Parse(bytes.NewReader(src), "")
	if err != nil {
		return parsedScript{}, err
	}
	parsed := parsedScript{file: file}
	if parsed.host, parsed.hostProblem = findAssignment(file, remoteHost); parsed.hostProblem != nil {
		parsed.host = assignment{}
	}
	if parsed.dest, err = findAssignment(file, remoteDest); err != nil {
		return parsed, err
	}
	parsed.conf, err = findAssignment(file, remoteNginxConf)
	return parsed, err
}

// findAssignment returns the one assignment to the name that stands by itself at the top of the
// script.
func findAssignment(file *syntax.File, name string) (assignment, error) {
	var all []*syntax.Assign
	var problem error
	syntax.Walk(file, func(node syntax.Node) bool {
		if set, ok := node.(*syntax.Assign); ok && set.Name != nil && set.Name.Value == name && !set.Naked {
			all = append(all, set)
		}
		problem = cmp.Or(problem, rewritten(node, name))
		return problem == nil
	})
	switch {
	case problem != nil:
		return assignment{}, problem
	case len(all) == 0:
		if name == remoteHost {
			return assignment{}, ErrNoHost
		}
		return assignment{}, fmt.Errorf("does not assign %s", name)
	case len(all) > 1:
		return assignment{}, fmt.Errorf("line %d: %s is assigned more than once, first on line %d",
			all[1].Pos().Line(), name, all[0].Pos().Line())
	}
	node := all[0]
	line := node.Pos().Line()
	if !slices.ContainsFunc(file.Stmts, func(stmt *syntax.Stmt) bool { return assigns(stmt, node) }) {
		return assignment{}, fmt.Errorf("line %d: %s is not assigned by a line of its own: move it out of the "+
			"function, condition or command", line, name)
	}
	if node.Append || node.Index != nil || node.Array != nil {
		return assignment{}, fmt.Errorf("line %d: %s is an array or is appended to: assign it a constant", line, name)
	}
	if node.Value == nil {
		return assignment{node, ""}, nil // NAME= with nothing after it
	}
	value, constant := constantOf(node.Value)
	if !constant {
		return assignment{}, fmt.Errorf("line %d: %s is computed: assign it a constant", line, name)
	}
	return assignment{node, value}, nil
}

// assigns reports whether the statement is NAME=value, or export, readonly or declare of it.
func assigns(stmt *syntax.Stmt, node *syntax.Assign) bool {
	if stmt.Negated || stmt.Background || len(stmt.Redirs) > 0 {
		return false
	}
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		return len(cmd.Args) == 0 && slices.Contains(cmd.Assigns, node)
	case *syntax.DeclClause:
		return cmd.Variant.Value != "local" && slices.Contains(cmd.Args, node)
	}
	return false
}

// constantOf is the word's value if no expansion takes part in it.
func constantOf(word *syntax.Word) (string, bool) {
	var b strings.Builder
	for i, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if i == 0 && strings.HasPrefix(part.Value, "~") || strings.Contains(part.Value, ":~") {
				return "", false // tilde expansion, also after a colon in an assignment
			}
			b.WriteString(unbackslash(part.Value, ""))
		case *syntax.SglQuoted:
			if part.Dollar {
				return "", false
			}
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			if part.Dollar {
				return "", false
			}
			for _, inner := range part.Parts {
				lit, isLit := inner.(*syntax.Lit)
				if !isLit {
					return "", false
				}
				b.WriteString(unbackslash(lit.Value, "$`\"\\\n"))
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// unbackslash removes the backslashes that quote one of special, or any character if special is
// empty. A quoted newline is removed with its backslash.
func unbackslash(s, special string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (special == "" || strings.IndexByte(special, s[i+1]) >= 0) {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// plainShell are the characters that mean themselves with any quoting or none.
func plainShell(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !(letter || r >= '0' && r <= '9' || strings.ContainsRune("_./@:+-", r))
	})
}

func quoteLike(old []byte, value string) (string, error) {
	if plainShell(value) {
		switch {
		case len(old) == 0:
		case old[0] == '"' && old[len(old)-1] == '"':
			return `"` + value + `"`, nil
		case old[0] == '\'' && old[len(old)-1] == '\'':
			return `'` + value + `'`, nil
		}
		return value, nil
	}
	return syntax.Quote(value, syntax.LangBash)
}

// sameButValues prints both scripts with the same text for the values and compares.
func sameButValues(a, b parsedScript) (bool, error) {
	var printed [2]bytes.Buffer
	for i, script := range []parsedScript{a, b} {
		for _, set := range []assignment{script.host, script.dest, script.conf} {
			if set.node == nil {
				continue
			}
			at := set.node.Name.End()
			literal := &syntax.Lit{ValuePos: at, ValueEnd: at, Value: "set"}
			set.node.Value = &syntax.Word{Parts: []syntax.WordPart{literal}}
		}
		if err := syntax.NewPrinter().Print(&printed[i], script.file); err != nil {
			return false, err
		}
	}
	return bytes.Equal(printed[0].Bytes(), printed[1].Bytes()), nil
}
