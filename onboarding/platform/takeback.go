package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

// errForeign says that a statement is not one of the runbook's insertions.
var errForeign = errors.New("not a statement of the runbook")

// inverse is a deletion that takes back one insertion.
type inverse struct {
	insert, remove string
	rows           string // the table, as SQL
	key            string // the column that the first argument is for, empty where it is none that names the row
}

// inverses are those of a Person, an Org and a membership.
func (db *DB) inverses() []inverse {
	users, orgs, members := db.config.Users, db.config.Orgs, db.config.Members
	return []inverse{
		{db.InsertUser(onboarding.Tenant{}).SQL, fmt.Sprintf("DELETE FROM %s WHERE %s = $1 AND %s = $2 AND %s = $3 "+
			"AND %s = $4",
			table(users.Table), column(users.ID), column(users.Slug), column(users.Email), column(users.DisplayName)),
			table(users.Table), column(users.ID)},
		{db.InsertOrg(onboarding.Org{}, "").SQL, fmt.Sprintf("DELETE FROM %s WHERE %s = $1 AND %s = $2 AND %s = $3",
			table(orgs.Table), column(orgs.Slug), column(orgs.Name), column(orgs.Owner)), table(orgs.Table),
			column(orgs.Slug)},
		{db.InsertMember("", "", "").SQL, fmt.Sprintf("DELETE FROM %s WHERE %s = (SELECT %s FROM %s WHERE %s = $1) "+
			"AND %s = $2 AND %s = $3",
			table(members.Table), column(members.Org), column(orgs.ID), table(orgs.Table), column(orgs.Slug),
			column(members.User), column(members.Role)),
			table(members.Table), ""},
	}
}

// Statements are the texts of all statements with which the runbook adds rows, or with which it
// takes them back.
func (db *DB) Statements(back bool) []string {
	var texts []string
	for _, inverse := range db.inverses() {
		if back {
			texts = append(texts, inverse.remove)
		} else {
			texts = append(texts, inverse.insert)
		}
	}
	return texts
}

// TakeBack returns the statements that delete what insertions made and is still there as it was
// made, last first. A row that was changed since, or that anything else depends on, is an
// [onboarding.ConflictError]: nothing of it is to be deleted then.
func (db *DB) TakeBack(ctx context.Context, inserted []onboarding.Statement) ([]onboarding.Statement, error) {
	var deletions []onboarding.Statement
	for _, statement := range slices.Backward(inserted) {
		i := slices.IndexFunc(db.inverses(), func(v inverse) bool { return v.insert == statement.SQL })
		if i < 0 {
			return nil, fmt.Errorf("platform: %w: %s", errForeign, statement.SQL)
		}
		there, err := db.stillThere(ctx, db.inverses()[i], statement)
		if err != nil {
			return nil, err
		}
		deletion := onboarding.Statement{SQL: db.inverses()[i].remove, Args: statement.Args}
		if there && !slices.ContainsFunc(deletions, func(s onboarding.Statement) bool {
			return s.SQL == deletion.SQL &&
				slices.Equal(s.Args, deletion.Args)
		}) {
			deletions = append(deletions, deletion)
		}
	}
	for _, deletion := range deletions {
		if err := db.independent(ctx, deletion, deletions); err != nil {
			return nil, err
		}
	}
	return deletions, nil
}

// stillThere looks for the row that an insertion made.
func (db *DB) stillThere(ctx context.Context, v inverse, statement onboarding.Statement) (bool, error) {
	args := make([]any, len(statement.Args))
	for i, arg := range statement.Args {
		args[i] = arg
	}
	var exact, like bool
	query := strings.Replace(v.remove, "DELETE FROM", "SELECT EXISTS (SELECT FROM", 1) + ")"
	if err := db.pool.QueryRow(ctx, query, args...).Scan(&exact); err != nil {
		return false, fmt.Errorf("platform: %s: %w", v.rows, err)
	}
	if exact || v.key == "" {
		return exact, nil
	}
	if err := db.pool.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s WHERE %s = $1)", v.rows, v.key),
		args[0]).Scan(&like); err != nil {
		return false, fmt.Errorf("platform: %s: %w", v.rows, err)
	}
	if like {
		return false, &onboarding.ConflictError{What: fmt.Sprintf("The row %s in %s was changed since.",
			statement.Args[0], v.rows), Fix: "Look whether it is to go, and delete it by hand."}
	}
	return false, nil
}

// reference is a column that points at tenants.
type reference struct {
	rows, column string // as SQL
	inverse      int    // of which of the tables of tenants it is, 0 for none that can point at another
}

// independent refuses a deletion while rows that do not go with it point at its row. It counts
// itself, since a foreign key may cascade, and a row may name a tenant without a foreign key.
func (db *DB) independent(ctx context.Context, deletion onboarding.Statement, all []onboarding.Statement) error {
	var id, name, target string
	switch deletion.SQL {
	case db.inverses()[0].remove:
		id, name, target = deletion.Args[0], deletion.Args[1], db.config.Users.Table
	case db.inverses()[1].remove:
		org, err := db.FindOrg(ctx, deletion.Args[0])
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
		err := db.pool.QueryRow(ctx,
			fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", reference.rows, reference.column), id).Scan(&count)
		if err != nil {
			return fmt.Errorf("platform: what depends on %s: %w", name, err)
		}
		going := 0
		for _, other := range all {
			if reference.inverse > 0 && other.SQL == db.inverses()[reference.inverse].remove {
				going++
			}
		}
		if count > going {
			return &onboarding.ConflictError{What: fmt.Sprintf("%d rows in %s depend on %s.", count, reference.rows,
				name),
				Fix: "They are not deleted: look whose they are, and take them away by hand."}
		}
	}
	return nil
}

// references finds the columns that point at a table of tenants: by foreign keys, and by the
// configuration.
func (db *DB) references(ctx context.Context, target string) ([]reference, error) {
	rows, err := db.pool.Query(ctx, `SELECT c.conrelid::regclass::text, quote_ident(a.attname),
			CASE c.conrelid WHEN to_regclass($2) THEN 1 WHEN to_regclass($3) THEN 2 ELSE 0 END
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
		WHERE c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = to_regclass($1) ORDER BY 1, 2`,
		table(target), table(db.config.Orgs.Table), table(db.config.Members.Table))
	if err != nil {
		return nil, fmt.Errorf("platform: foreign keys: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (reference, error) {
		var r reference
		err := row.Scan(&r.rows, &r.column, &r.inverse)
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
