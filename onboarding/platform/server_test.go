package platform_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// TestRowsGoToTheAuthoritativeServerAlone changes the server between preflight and the write, for
// rows that are added and for rows that are taken back.
func TestRowsGoToTheAuthoritativeServerAlone(t *testing.T) {
	t.Parallel()
	config := config(t)
	config.Identity = platform.IdentityQuery{Query: "SELECT name FROM tenancy.server", Value: "authoritative"}
	admin, err := pgx.Connect(t.Context(), config.DatabaseURL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	exec := func(statement string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE tenancy.server (name text); INSERT INTO tenancy.server VALUES ('authoritative')`)
	var database string
	if err := admin.QueryRow(t.Context(), `SELECT quote_ident(current_database())`).Scan(&database); err != nil {
		t.Fatal(err)
	}

	tenant := onboarding.Tenant{ID: uuid.NewString(), Slug: "merche", Email: "m@example.com", DisplayName: "Merche"}
	for _, test := range []struct {
		name, becomes, again string
		query                string
		want                 error
	}{
		{name: "the same server"},
		{name: "another identity", becomes: `UPDATE tenancy.server SET name = 'copy'`,
			again: `UPDATE tenancy.server SET name = 'authoritative'`, want: platform.ErrWrongServer},
		{name: "no identity", becomes: `UPDATE tenancy.server SET name = NULL`,
			again: `UPDATE tenancy.server SET name = 'authoritative'`, want: platform.ErrWrongServer},
		{name: "read-only", becomes: `ALTER DATABASE ` + database + ` SET default_transaction_read_only = on`,
			again: `SET default_transaction_read_only = off; ALTER DATABASE ` + database +
				` RESET default_transaction_read_only`, want: platform.ErrWrongServer},
		{name: "an identity query that writes", query: `UPDATE tenancy.server SET name = name RETURNING name`,
			want: errAny},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.becomes != "" {
				exec(test.becomes)
			}
			here := config
			if test.query != "" {
				here.Identity.Query = test.query
			}
			db, err := platform.New(here)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			insert := db.InsertUser(tenant)
			// The row as the authoritative server has it, for the statement that takes it back.
			remove := onboarding.Statement{SQL: db.Deletions()[0], Args: insert.Args}
			failed := execute(t, db, insert)
			added, err := db.Tenant(t.Context(), tenant.Slug)
			if err != nil || (added != nil) != (test.want == nil) || !fits(failed, test.want) {
				t.Errorf("adding a row: %v; the row: %v, %v", failed, added, err)
			}
			if test.want != nil {
				seed := `INSERT INTO tenancy."user" ("ID", handle, "e-mail", "group") VALUES ($1, $2, $3, $4)`
				if _, err := admin.Exec(t.Context(), seed, tenant.ID, tenant.Slug, tenant.Email,
					tenant.DisplayName); err != nil {
					t.Fatal(err)
				}
			}
			failed = execute(t, db, remove)
			left, err := db.Tenant(t.Context(), tenant.Slug)
			if err != nil || (left == nil) != (test.want == nil) || !fits(failed, test.want) {
				t.Errorf("taking the row back: %v; the row: %v, %v", failed, left, err)
			}
			if confirmed := db.Confirm(t.Context()); !fits(confirmed, test.want) {
				t.Errorf("Confirm: %v, want %v", confirmed, test.want)
			}
			if test.again != "" {
				exec(test.again)
			}
			exec(`DELETE FROM tenancy."user" WHERE handle = 'merche'`)
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any")

func fits(err, want error) bool {
	if want == errAny {
		return err != nil
	}
	return errors.Is(err, want)
}

func execute(t *testing.T, db *platform.DB, statement onboarding.Statement) error {
	t.Helper()
	return db.Execute(t.Context(), onboarding.Transaction{Statements: []onboarding.Statement{statement}},
		platform.Owner{})
}

// TestAFrozenOwnerCommitsNothing freezes the holder of a run after its last check, before the
// COMMIT. Whoever takes over waits until the server has ended that transaction, and when the first
// one is thawed, nothing of it takes effect.
func TestAFrozenOwnerCommitsNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	run := uuid.New()
	insert := func(name string, confirm func(context.Context) error) error {
		statement := db.InsertUser(onboarding.Tenant{ID: uuid.NewString(), Slug: "merche", Email: "m@example.com",
			DisplayName: name})
		return db.Execute(t.Context(), onboarding.Transaction{Statements: []onboarding.Statement{statement}},
			platform.Owner{Run: run, Confirm: confirm})
	}
	frozen, thaw, thawed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		thawed <- insert("earlier", func(context.Context) error {
			close(frozen)
			<-thaw
			return nil // what it was told before it froze
		})
	}()
	<-frozen
	if err := db.Settle(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if tenant, err := db.Tenant(t.Context(), "merche"); tenant != nil || err != nil {
		t.Errorf("after the takeover there is %v, %v", tenant, err)
	}
	if err := insert("later", nil); err != nil {
		t.Error(err)
	}
	close(thaw)
	if err := <-thawed; err == nil {
		t.Error("the frozen transaction was committed")
	}
	if tenant, err := db.Tenant(t.Context(), "merche"); err != nil || tenant == nil || tenant.DisplayName != "later" {
		t.Errorf("in the end there is %v, %v", tenant, err)
	}
}
