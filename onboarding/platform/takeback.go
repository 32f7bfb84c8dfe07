package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

// errForeign says that a statement is not one of the runbook's insertions.
var errForeign = errors.New("not a statement of the runbook")

// rowType is a type of row that the runbook inserts.
type rowType int

const (
	noRow rowType = iota
	userRow
	orgRow
	memberRow
)

// inverse is a deletion that takes back one insertion.
type inverse struct {
	row    rowType
	insert string
	rows   string // the table, as SQL
	exact  string // the condition that a row has all the values of the insertion, whose arguments it shares
	key    string // the column that the first argument is for, empty if that does not identify the row
}

func (v inverse) remove() string { return "DELETE FROM " + v.rows + " WHERE " + v.exact }

// inverses are those of a Person, an Org and a membership.
func (db *DB) inverses() []inverse {
	users, orgs, members := db.quoted.Users, db.quoted.Orgs, db.quoted.Members
	return []inverse{
		{row: userRow, insert: db.InsertUser(onboarding.Tenant{}).SQL, rows: users.Table, key: users.ID,
			exact: fmt.Sprintf("%s = $1 AND %s = $2 AND %s = $3 AND %s = $4",
				users.ID, users.Slug, users.Email, users.DisplayName)},
		{row: orgRow, insert: db.InsertOrg(onboarding.Org{}, "").SQL, rows: orgs.Table, key: orgs.Slug,
			exact: fmt.Sprintf("%s = $1 AND %s = $2 AND %s = $3", orgs.Slug, orgs.Name, orgs.Owner)},
		{row: memberRow, insert: db.InsertMember("", "", "").SQL, rows: members.Table,
			exact: fmt.Sprintf("%s = (SELECT %s FROM %s WHERE %s = $1) AND %s = $2 AND %s = $3",
				members.Org, orgs.ID, orgs.Table, orgs.Slug, members.User, members.Role)},
	}
}

// Insertions are the texts of all statements with which the runbook adds rows.
func (db *DB) Insertions() []string {
	var texts []string
	for _, inverse := range db.inverses() {
		texts = append(texts, inverse.insert)
	}
	return texts
}

// Deletions are the texts of all statements with which the runbook takes rows back.
func (db *DB) Deletions() []string {
	var texts []string
	for _, inverse := range db.inverses() {
		texts = append(texts, inverse.remove())
	}
	return texts
}

// deletion is a statement that takes a row back.
type deletion struct {
	onboarding.Statement
	row rowType
}

// TakeBack returns the statements that delete what insertions made and that still exists as it was
// made, last first. It returns an [onboarding.ConflictError] if a row was changed since, or if
// anything else depends on one: then nothing may be deleted.
func (db *DB) TakeBack(ctx context.Context, inserted []onboarding.Statement) ([]onboarding.Statement, error) {
	var deletions []deletion
	for _, statement := range slices.Backward(inserted) {
		i := slices.IndexFunc(db.inverses(), func(v inverse) bool { return v.insert == statement.SQL })
		if i < 0 {
			return nil, fmt.Errorf("platform: %w: %s", errForeign, statement.SQL)
		}
		inverse := db.inverses()[i]
		exists, err := db.unchanged(ctx, inverse, statement)
		if err != nil {
			return nil, err
		}
		known := slices.ContainsFunc(deletions, func(d deletion) bool {
			return d.row == inverse.row && slices.Equal(d.Args, statement.Args)
		})
		if exists && !known {
			deletions = append(deletions,
				deletion{onboarding.Statement{SQL: inverse.remove(), Args: statement.Args}, inverse.row})
		}
	}
	var statements []onboarding.Statement
	for _, deletion := range deletions {
		if err := db.independent(ctx, deletion, deletions); err != nil {
			return nil, err
		}
		statements = append(statements, deletion.Statement)
	}
	return statements, nil
}

// unchanged reports whether the row that an insertion made still exists. It returns a conflict if
// the row has other values now.
func (db *DB) unchanged(ctx context.Context, v inverse, statement onboarding.Statement) (bool, error) {
	args := make([]any, len(statement.Args))
	for i, arg := range statement.Args {
		args[i] = arg
	}
	exists := func(condition string, args ...any) (found bool, err error) {
		query := fmt.Sprintf("SELECT EXISTS (SELECT FROM %s WHERE %s)", v.rows, condition)
		if err = db.pool.QueryRow(ctx, query, args...).Scan(&found); err != nil {
			err = fmt.Errorf("platform: %s: %w", v.rows, err)
		}
		return found, err
	}
	exact, err := exists(v.exact, args...)
	if err != nil || exact || v.key == "" {
		return exact, err
	}
	changed, err := exists(v.key+" = $1", args[0])
	if err == nil && changed {
		err = onboarding.Conflictf("Check whether it should go, and delete it by hand.",
			"The row %s in %s was changed since.", statement.Args[0], v.rows)
	}
	return false, err
}

// reference is a column that points at tenants.
type reference struct {
	rows, column string // as SQL
	row          rowType
}

// independent returns a conflict if rows that are not deleted too point at the row of a deletion.
// It counts by itself, because a foreign key may cascade, and a row may name a tenant without a
// foreign key.
func (db *DB) independent(ctx context.Context, d deletion, all []deletion) error {
	var id, name, target string
	switch d.row {
	case userRow:
		id, name, target = d.Args[0], d.Args[1], db.config.Users.Table
	case orgRow:
		org, err := db.FindOrg(ctx, d.Args[0])
		if err != nil || org == nil {
			return err
		}
		id, name, target = org.ID, org.Slug, db.config.Orgs.Table
	default:
		return nil // nothing points at a membership
	}
	references, err := db.references(ctx, target)
	if err != nil {
		return err
	}
	for _, reference := range references {
		var count int
		query := fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", reference.rows, reference.column)
		if err := db.pool.QueryRow(ctx, query, id).Scan(&count); err != nil {
			return fmt.Errorf("platform: what depends on %s: %w", name, err)
		}
		deleted := 0
		for _, other := range all {
			if reference.row != noRow && other.row == reference.row {
				deleted++
			}
		}
		if count > deleted {
			return onboarding.Conflictf("They are not deleted: find out whose they are, and delete them by hand.",
				"%d rows in %s depend on %s.", count, reference.rows, name)
		}
	}
	return nil
}

// references finds the columns that point at a table of tenants: by foreign keys, and by the
// configuration.
func (db *DB) references(ctx context.Context, target string) ([]reference, error) {
	rows, err := db.pool.Query(ctx, `SELECT c.conrelid::regclass::text, quote_ident(a.attname),
			CASE c.conrelid WHEN to_regclass($2) THEN $4::int WHEN to_regclass($3) THEN $5::int ELSE 0 END
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
		WHERE c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = to_regclass($1) ORDER BY 1, 2`,
		table(target), db.quoted.Orgs.Table, db.quoted.Members.Table, orgRow, memberRow)
	if err != nil {
		return nil, fmt.Errorf("platform: foreign keys: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (reference, error) {
		var r reference
		err := row.Scan(&r.rows, &r.column, &r.row)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("platform: foreign keys: %w", err)
	}
	for _, kind := range db.config.Rows {
		r := reference{rows: table(kind.Table), column: column(kind.User)}
		if target == db.config.Orgs.Table {
			r.column = column(kind.Org)
		}
		if !slices.Contains(found, r) {
			found = append(found, r)
		}
	}
	return found, nil
}
