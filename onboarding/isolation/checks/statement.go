package checks

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// tablesPerStatement is how many tables are checked by one prepared statement: each costs a plan once and a message per tenant.
const tablesPerStatement = 16

// parameters of prepared checks: the Person, their Orgs, and whom they share an Org with.
var parameters = []string{"$1", "$2", "$3"}

func prepared(m *tenancy.Model) tenancy.IdentitySQL {
	w := tenancy.IdentitySQL{User: parameters[0] + "::" + m.UserType, Orgs: parameters[1] + "::" + m.OrgType + "[]", Mates: parameters[2] + "::" + m.UserType + "[]"}
	return w
}

// seesForeign is 1 where the attacker sees a row of r that is another's, as far as the attacker can tell. A table that leaks is left at the first
// such row, so that it is not read whole for every tenant.
func seesForeign(m *tenancy.Model, r *catalog.Relation, w tenancy.IdentitySQL) string {
	return fmt.Sprintf("EXISTS (SELECT FROM %s a WHERE %s)::int", r.SQL(), m.Foreign(r, "a", w, tenancy.Attacker))
}

// statement checks several tables at once.
type statement struct {
	name   string
	tables []*catalog.Relation
}

func statementSQL(m *tenancy.Model, tables []*catalog.Relation, w tenancy.IdentitySQL) string {
	answers := make([]string, len(tables))
	for i, r := range tables {
		answers[i] = seesForeign(m, r, w)
	}
	return "SELECT " + strings.Join(answers, ", ")
}

// prepare readies the checks of all tables on a connection. A table whose check cannot be prepared is given to refused and left out.
func prepare(ctx context.Context, m *tenancy.Model, conn *pgx.Conn, generation int, tables []*catalog.Relation, refused func(*catalog.Relation, error)) ([]statement, error) {
	oids := []uint32{m.UserOID, m.OrgArray, m.UserArray}
	var statements []statement
	var ready func(tables []*catalog.Relation) error
	ready = func(tables []*catalog.Relation) error {
		if len(tables) == 0 {
			return nil
		}
		s := statement{name: fmt.Sprintf("check_%d_%d", generation, len(statements)), tables: tables}
		_, err := conn.PgConn().Prepare(ctx, s.name, statementSQL(m, tables, prepared(m)), oids)
		switch {
		case err == nil:
			statements = append(statements, s)
			return nil
		case query.SQLState(err) == "" || ctx.Err() != nil:
			return err
		case len(tables) == 1:
			refused(tables[0], err)
			return nil
		}
		if err := ready(tables[:len(tables)/2]); err != nil {
			return err
		}
		return ready(tables[len(tables)/2:])
	}
	for start := 0; start < len(tables); start += tablesPerStatement {
		if err := ready(tables[start:min(start+tablesPerStatement, len(tables))]); err != nil {
			return nil, err
		}
	}
	return statements, nil
}

// identify is the prepared statement that makes the implicit transaction of a pipeline a tenant's session.
const identify = "identify"

func prepareIdentify(ctx context.Context, conn *pgx.Conn, names session.Settings) error {
	sql := fmt.Sprintf("SELECT set_config(%s, $1::text, true)", query.Literal(names.User))
	if names.Org != "" {
		sql += fmt.Sprintf(", set_config(%s, $2::text, true)", query.Literal(names.Org))
	} else {
		sql += ", $2::text"
	}
	_, err := conn.PgConn().Prepare(ctx, identify, sql, nil)
	return err
}

func bind(s session.Session) [][]byte {
	values := [][]byte{nil, arrayText(s.Orgs), arrayText(s.CoMembers)}
	if s.Person != nil {
		values[0] = []byte(*s.Person)
	}
	return values
}

// arrayText is the text form of an array parameter.
func arrayText(values []string) []byte {
	if len(values) == 0 {
		return []byte("{}")
	}
	var b []byte
	b = append(b, '{')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, v)
	}
	return append(b, '}')
}

// readAnswers reads the single row of a check.
func readAnswers(rr *pgconn.ResultReader, width int) ([]bool, error) {
	answers := make([]bool, width)
	for rr.NextRow() {
		for i, v := range rr.Values() {
			answers[i] = string(v) == "1"
		}
	}
	_, err := rr.Close()
	return answers, err
}
