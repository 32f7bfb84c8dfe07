package pipeline

import (
	"cmp"
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

// TablesPerStatement is how many tables one prepared statement checks: each statement costs a
// plan once and a message for each tenant, and its answer has a bit for each table. With more
// tables, a statement needs so much memory that the server gives it back to the system each
// time, which doubled the time of twelve.
const TablesPerStatement = 6

// seesForeignSQL selects a number whose bits say, for each table, whether the attacker sees a row
// that is another's, as far as the attacker can tell: one column takes the server less time than
// many. A table that leaks is left at the first such row, so it is not read whole for every
// tenant.
func seesForeignSQL(m *tenancy.Model, tables []*catalog.Relation, w tenancy.IdentitySQL) string {
	bits := make([]string, len(tables))
	for i, r := range tables {
		bits[i] = fmt.Sprintf("(EXISTS (SELECT FROM %s a WHERE %s)::int << %d)", r.SQL(),
			m.Foreign(r, "a", w, tenancy.Attacker), i)
	}
	return "SELECT " + strings.Join(bits, " | ")
}

// readAnswers reads the single row of a check.
func readAnswers(rr *pgconn.ResultReader, tables int) ([]bool, error) {
	var answers []bool
	var malformed error
	for rr.NextRow() {
		answers, malformed = parseAnswers(string(rr.Values()[0]), tables)
	}
	_, err := rr.Close()
	return answers, cmp.Or(err, malformed)
}

// parseAnswers returns the bits of a number, one for each table.
func parseAnswers(number string, tables int) ([]bool, error) {
	bits, err := strconv.Atoi(number)
	answers := make([]bool, tables)
	for i := range answers {
		answers[i] = bits>>i&1 != 0
	}
	return answers, err
}

// statement checks several tables at once.
type statement struct {
	prepared *pgconn.StatementDescription
	tables   []*catalog.Relation
}

// preparer prepares the checks of all tables on a connection.
type preparer struct {
	model      *tenancy.Model
	conn       *pgx.Conn
	generation int
	refused    func(*catalog.Relation, error) // gets a table whose check cannot be prepared
	statements []statement
}

func (p *preparer) prepare(ctx context.Context, tables []*catalog.Relation) error {
	if len(tables) == 0 {
		return nil
	}
	name := fmt.Sprintf("check_%d_%d", p.generation, len(p.statements))
	sql := seesForeignSQL(p.model, tables, p.model.ParameterSQL())
	prepared, err := p.conn.PgConn().Prepare(ctx, name, sql, p.model.ParameterOIDs())
	switch {
	case err == nil:
		p.statements = append(p.statements, statement{prepared, tables})
		return nil
	case query.SQLState(err) == "" || ctx.Err() != nil:
		return err
	case len(tables) == 1:
		p.refused(tables[0], err)
		return nil
	}
	if err := p.prepare(ctx, tables[:len(tables)/2]); err != nil {
		return err
	}
	return p.prepare(ctx, tables[len(tables)/2:])
}

// prepareTransaction prepares what makes the transaction of a tenant's session.
func (r *reader) prepareTransaction(ctx context.Context, conn *pgconn.PgConn) (err error) {
	var calls []string
	for i, name := range r.shared.config.Settings.Names() {
		calls = append(calls, fmt.Sprintf("set_config(%s, $%d::text, true)", query.Literal(name), i+1))
	}
	if r.shared.config.Settings.Opening.RoleQuery != "" {
		calls = append(calls, fmt.Sprintf("set_config('role', $%d::text, true)", len(calls)+1))
	}
	if r.begin, err = conn.Prepare(ctx, "begin", "BEGIN", nil); err != nil {
		return err
	}
	if r.identify, err = conn.Prepare(ctx, "identify", "SELECT "+strings.Join(calls, ", "), nil); err != nil {
		return err
	}
	r.commit, err = conn.Prepare(ctx, "commit", "COMMIT", nil)
	return err
}

// identity are the parameters of identify for a session that sets everything.
func identity(names session.Settings, s session.Session) [][]byte {
	var values [][]byte
	for _, setting := range names.Values(s.User, s.Org) {
		values = append(values, []byte(setting.Value))
	}
	if role, differs := s.RoleValue(names); differs {
		values = append(values, []byte(role))
	}
	return values
}

// Prepared asks, inside the transactions of one connection, whether sessions see foreign rows.
// It plans each list of tables once.
type Prepared struct {
	model *tenancy.Model
	names map[string]string // of the prepared statements, by their SQL
}

// NewPrepared returns the prepared statements of a connection, of which there are none yet.
func NewPrepared(m *tenancy.Model) *Prepared {
	return &Prepared{model: m, names: map[string]string{}}
}

// SeesForeign returns, for each table, whether the session sees a row that is another's, as far
// as it can tell.
func (p *Prepared) SeesForeign(ctx context.Context, tx *session.Tx, tables []*catalog.Relation) ([]bool, error) {
	const generic = "SET LOCAL plan_cache_mode = force_generic_plan;"
	// The comment tells these statements from the reads as every tenant in pg_stat_activity.
	sql := "/* sample */ " + seesForeignSQL(p.model, tables, p.model.ParameterSQL())
	name := p.names[sql]
	if name == "" {
		if err := tx.Exec(ctx, generic); err != nil {
			return nil, err
		}
		name = fmt.Sprintf("sample_%d", len(p.names))
		if _, err := tx.Pgx().PgConn().Prepare(ctx, name, sql, p.model.ParameterOIDs()); err != nil {
			return nil, err
		}
		p.names[sql] = name
	}
	var values []string
	for _, value := range tx.Session.Parameters() {
		if value == nil {
			values = append(values, "NULL")
		} else {
			values = append(values, query.Literal(string(value)))
		}
	}
	numbers, err := tx.Strings(ctx, generic+"EXECUTE "+name+"("+strings.Join(values, ", ")+")")
	if err != nil {
		return nil, err
	}
	return parseAnswers(numbers[0], len(tables))
}
