package query

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

// Name quotes an identifier, qualified if it has several parts.
func Name(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// Column quotes a column's name, qualified by an alias.
func Column(alias, name string) string { return alias + "." + Name(name) }

// Columns quotes columns' names, qualified by an alias, as a list.
func Columns(alias string, names []string) string { return columns(alias, names, "") }

// Texts renders columns, qualified by an alias, as one array of their texts.
func Texts(alias string, names []string) string {
	return "array[" + columns(alias, names, "::text") + "]::text[]"
}

func columns(alias string, names []string, suffix string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = Column(alias, name) + suffix
	}
	return strings.Join(list, ", ")
}

// Literal quotes a text value.
func Literal(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

var arrayElement = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Array quotes values as the text form of an array. Callers cast it to the type that they need.
func Array(values []string) string { return Literal(ArrayText(values)) }

// ArrayText is the text form of an array, for a parameter.
func ArrayText(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = `"` + arrayElement.Replace(v) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

// AnyOf joins conditions with OR. Without conditions it is false.
func AnyOf(conditions []string) string {
	if len(conditions) == 0 {
		return "false"
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}
