package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// TablesPerStatement is how many tables one prepared statement checks: each statement costs a
// plan once and a message for each tenant.
const TablesPerStatement = 16

// seesForeignSQL selects, for each table, 1 where the attacker sees a row that is another's, as
// far as the attacker can tell. A table that leaks is left at the first such row, so it is not
// read whole for every tenant.
func seesForeignSQL(m *tenancy.Model, tables []*catalog.Relation, w tenancy.IdentitySQL) string {
	answers := make([]string, len(tables))
	for i, r := range tables {
		answers[i] = fmt.Sprintf("EXISTS (SELECT FROM %s a WHERE %s)::int", r.SQL(),
			m.Foreign(r, "a", w, tenancy.Attacker))
	}
	return "SELECT " + strings.Join(answers, ", ")
}

// readAnswers reads the single row of a check.
func readAnswers(rr *pgconn.ResultReader, tables int) ([]bool, error) {
	answers := make([]bool, tables)
	for rr.NextRow() {
		for i, v := range rr.Values() {
			answers[i] = string(v) == "1"
		}
	}
	_, err := rr.Close()
	return answers, err
}

// statement checks several tables at once.
type statement struct {
	name   string
	tables []*catalog.Relation
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
	s := statement{name: fmt.Sprintf("check_%d_%d", p.generation, len(p.statements)), tables: tables}
	sql := seesForeignSQL(p.model, tables, p.model.ParameterSQL())
	_, err := p.conn.PgConn().Prepare(ctx, s.name, sql, p.model.ParameterOIDs())
	switch {
	case err == nil:
		p.statements = append(p.statements, s)
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

// identify is the prepared statement that makes the implicit transaction of a pipeline a
// tenant's session.
const identify = "identify"

func prepareIdentify(ctx context.Context, conn *pgx.Conn, names session.Settings) error {
	var calls []string
	for i, name := range names.Names() {
		calls = append(calls, fmt.Sprintf("set_config(%s, $%d::text, true)", query.Literal(name), i+1))
	}
	if names.Opening.RoleQuery != "" {
		calls = append(calls, fmt.Sprintf("set_config('role', $%d::text, true)", len(calls)+1))
	}
	_, err := conn.PgConn().Prepare(ctx, identify, "SELECT "+strings.Join(calls, ", "), nil)
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
	names map[string]string // of prepared statements, by their SQL
}

// NewPrepared returns the prepared statements of a connection, of which there are none yet.
func NewPrepared(m *tenancy.Model) *Prepared { return &Prepared{model: m, names: map[string]string{}} }

// SeesForeign returns, for each table, whether the session sees a row that is another's, as far
// as it can tell.
func (p *Prepared) SeesForeign(ctx context.Context, tx *session.Tx, tables []*catalog.Relation) ([]bool, error) {
	// The comment tells these statements from the reads as every tenant in pg_stat_activity.
	sql := "/* sample */ " + seesForeignSQL(p.model, tables, p.model.ParameterSQL())
	conn := tx.Pgx().PgConn()
	name, ready := p.names[sql]
	if !ready {
		name = fmt.Sprintf("sample_%d", len(p.names))
		if _, err := conn.Prepare(ctx, name, sql, p.model.ParameterOIDs()); err != nil {
			return nil, err
		}
		p.names[sql] = name
	}
	if err := tx.Exec(ctx, "SET LOCAL plan_cache_mode = force_generic_plan"); err != nil {
		return nil, err
	}
	return readAnswers(conn.ExecPrepared(ctx, name, tx.Session.Parameters(), nil, nil), len(tables))
}
