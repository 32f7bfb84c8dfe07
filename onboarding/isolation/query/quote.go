package query

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

func Column(alias, name string) string { return alias + "." + pgx.Identifier{name}.Sanitize() }

func Literal(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

func Array(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
	}
	return Literal("{" + strings.Join(quoted, ",") + "}")
}
