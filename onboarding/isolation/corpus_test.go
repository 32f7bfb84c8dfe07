package isolation_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// schema is a new database with an app role of its own.
type schema struct {
	dsn, role string
	cfg       isolation.Config
}

var roles atomic.Int64

// Abbreviations in corpus files: {{login a}} and {{act org1}} set an identity, {{a}} to {{f}}
// and {{org1}} are ids of the base v3, and any other word in braces is itself.
var (
	loginAs = regexp.MustCompile(`{{login (\w+)}}`)
	actIn   = regexp.MustCompile(`{{act (\w+)}}`)
	person  = regexp.MustCompile(`{{([a-f])}}`)
	org     = regexp.MustCompile(`{{org(\d)}}`)
	itself  = regexp.MustCompile(`'{{(\w+)}}'`)
)

// newSchema creates a database and runs SQL in which {{app}} is the app role and {{role}} a
// prefix for further roles of the case.
func newSchema(t testing.TB, statements ...string) *schema {
	t.Helper()
	return schemaOn(t, "template0", statements...)
}

// onBase is newSchema on top of a base, which is created once and copied. Each schema has an app
// role of its own, so it runs the base's grants again.
func onBase(t testing.TB, name string, statements ...string) *schema {
	t.Helper()
	template, grants := base(t, name)
	return schemaOn(t, template, append([]string{grants}, statements...)...)
}

func schemaOn(t testing.TB, template string, statements ...string) *schema {
	t.Helper()
	server := postgres.Shared(t)
	database, err := server.CopyDatabase(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.DropDatabase(context.WithoutCancel(t.Context()), database); err != nil {
			t.Error(err)
		}
	})
	s := &schema{dsn: server.DSN(database), role: fmt.Sprintf("app_%d", roles.Add(1))}
	s.exec(t, "CREATE ROLE "+s.role+" LOGIN;"+s.expand(strings.Join(statements, "\n")))
	s.cfg = isolation.Config{
		DatabaseURL: server.DSNAs(auditor(t), database), AppRole: s.role,
		AppDatabaseURL: server.DSNAs(s.role, database),
		Settings:       isolation.Settings{User: "app.user_id", Org: "app.org_id"},
	}
	return s
}

var createAuditor sync.Once

// auditor is the role of the truth on the shared server, as docs/install.md creates it.
func auditor(t testing.TB) string {
	t.Helper()
	const role = "auditor"
	createAuditor.Do(func() {
		s := &schema{dsn: postgres.Shared(t).DSN(postgres.Superuser)}
		s.exec(t, "CREATE ROLE "+role+" LOGIN BYPASSRLS; GRANT pg_read_all_data TO "+role)
	})
	return role
}

// bases are the databases of the bases, by name.
var bases = struct {
	sync.Mutex
	database, grants map[string]string
}{database: map[string]string{}, grants: map[string]string{}}

// base returns the database of a base, and its lines that name the app role.
func base(t testing.TB, name string) (database, grants string) {
	t.Helper()
	bases.Lock()
	defer bases.Unlock()
	if known := bases.database[name]; known != "" {
		return known, bases.grants[name]
	}
	sql, err := os.ReadFile(filepath.Join("testdata", "base", name+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	var common, own strings.Builder
	for line := range strings.Lines(string(sql)) {
		if strings.Contains(line, "{{app}}") {
			own.WriteString(line)
		} else {
			common.WriteString(line)
		}
	}
	server := postgres.Shared(t)
	if database, err = server.NewDatabase(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &schema{dsn: server.DSN(database)}
	s.exec(t, s.expand(common.String()))
	bases.database[name], bases.grants[name] = database, own.String()
	return database, own.String()
}

func (s *schema) expand(sql string) string {
	sql = loginAs.ReplaceAllString(sql, "SELECT set_config('app.user_id', '{{$1}}', true);")
	sql = actIn.ReplaceAllString(sql, "SELECT set_config('app.org_id', '{{$1}}', true);")
	sql = person.ReplaceAllString(sql, "00000000-0000-4000-8000-00000000000$1")
	sql = org.ReplaceAllString(sql, "00000000-0000-4000-9000-00000000000$1")
	sql = strings.NewReplacer("{{app}}", s.role, "{{role}}", s.role).Replace(sql)
	return itself.ReplaceAllString(sql, "'$1'")
}

func (s *schema) exec(t testing.TB, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%v in\n%s", err, sql)
	}
}

func (s *schema) check(t testing.TB) *isolation.Report {
	t.Helper()
	return s.checkWith(t, isolation.Options{})
}

func (s *schema) checkWith(t testing.TB, options isolation.Options) *isolation.Report {
	t.Helper()
	checker, err := isolation.New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	report, err := checker.Check(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// configure adds a case's own configuration.
func (s *schema) configure(t testing.TB, config string) {
	t.Helper()
	if config == "" {
		return
	}
	if err := yaml.Load([]byte(s.expand(config)), &s.cfg, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	if login := s.cfg.LoginRole; login != "" {
		s.cfg.AppDatabaseURL = postgres.Shared(t).DSNAs(login, databaseOf(s.dsn))
	}
}

func databaseOf(dsn string) string { return filepath.Base(strings.SplitN(dsn, "?", 2)[0]) }

// prove logs in as the platform's sessions do and runs a case's proof. Its last statement returns
// true if it reached another tenant's row. Where a message says another tenant's value, that is
// what has to be heard.
func (s *schema) prove(t *testing.T, sql, heard string) {
	t.Helper()
	config, err := pgx.ParseConfig(s.cfg.AppDatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { said.WriteString(n.Message + "\n") }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	results, err := conn.PgConn().Exec(t.Context(), "BEGIN;"+s.expand(sql)).ReadAll()
	if err != nil {
		t.Fatalf("proof: %v", err)
	}
	last := results[len(results)-1]
	if len(last.Rows) != 1 || string(last.Rows[0][0]) != "t" {
		t.Errorf("the proof does not hold: %q", last.Rows)
	}
	if !strings.Contains(said.String(), heard) {
		t.Errorf("nothing said %q:\n%s", heard, said.String())
	}
}

// version is the major version of the shared server.
func version(t testing.TB) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), postgres.Shared(t).DSN(postgres.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var number int
	err = conn.QueryRow(t.Context(), "SELECT current_setting('server_version_num')::int / 10000").Scan(&number)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// paste runs the proof of each leak as it stands in the report, in a new session of the app role. It
// has to return or change a row, or to be held by a constraint.
func (s *schema) paste(t *testing.T, findings []isolation.Finding) {
	t.Helper()
	for _, f := range findings {
		if f.Kind != isolation.Leak {
			continue
		}
		if f.Proof == "" {
			t.Errorf("%s: no proof", f.Key())
			continue
		}
		conn, err := pgx.Connect(t.Context(), s.cfg.AppDatabaseURL)
		if err != nil {
			t.Fatal(err)
		}
		results, err := conn.PgConn().Exec(t.Context(), f.Proof).ReadAll()
		_ = conn.Close(t.Context())
		held, _ := errors.AsType[*pgconn.PgError](err)
		// A constraint that held the write, or an error that says a value.
		shown := held != nil && (strings.HasPrefix(held.Code, "23") || strings.HasPrefix(held.Code, "22") ||
			strings.HasPrefix(held.Code, "P0"))
		for _, result := range results {
			set := len(result.FieldDescriptions) == 1 && result.FieldDescriptions[0].Name == "set_config"
			truncated := result.CommandTag.String() == "TRUNCATE TABLE"
			shown = shown || truncated || !set && result.CommandTag.RowsAffected() > 0
		}
		if strings.Contains(f.Proof, "…") && !shown {
			continue // whoever pastes it has to fill in what a row contains
		}
		if !shown || err != nil && held == nil {
			t.Errorf("%s: the proof shows nothing (%v):\n%s", f.Key(), err, f.Proof)
		}
	}
}

// caseFiles are the files of a case, by name.
func caseFiles(t *testing.T, path string) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	return files
}

// expected is the verdict that a case expects, and every finding.
func expected(files map[string]string) []string {
	want := slices.DeleteFunc(strings.Split(strings.TrimSpace(files["expect"]), "\n"),
		func(line string) bool { return line == "" })
	slices.Sort(want[1:])
	return want
}

// found is a report's verdict and every finding, as a case spells them.
func (s *schema) found(report *isolation.Report) []string {
	got := []string{string(report.Verdict)}
	for _, f := range report.Findings {
		got = append(got, strings.ReplaceAll(f.Key(), s.role, "{{app}}"))
	}
	slices.Sort(got[1:])
	return got
}

// TestCorpus checks every schema under testdata/corpus. A case is a txtar archive: schema.sql on
// top of the base that the file "base" names ("v3" unless it says "none"), expect with the
// verdict and every finding, proof.sql for leaks, config.yaml where the case needs one, and
// fixed with the verdict after the report's own fixes were run, and trials with what came of trying
// each. heard is what the proof's messages say. Each line of notes is a part of a note, and each of says a
// part of what a finding or the coverage says. A case with a file "deep" is checked deeply, and one with a
// file "postgres" needs that major version.
func TestCorpus(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join("testdata", "corpus", "*", "*.txtar"))
	if err != nil || len(cases) == 0 {
		t.Fatal("no corpus")
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(path, "testdata/corpus/"), ".txtar"), func(t *testing.T) {
			t.Parallel()
			files := caseFiles(t, path)
			if oldest, err := strconv.Atoi(strings.TrimSpace(files["postgres"])); err == nil && version(t) < oldest {
				return // runs on that version and later, by make versions
			}
			var s *schema
			if name := strings.TrimSpace(files["base"]); name == "none" {
				s = newSchema(t, files["schema.sql"])
			} else {
				s = onBase(t, cmp.Or(name, "v3"), files["schema.sql"])
			}
			s.configure(t, files["config.yaml"])
			if proof := files["proof.sql"]; proof != "" {
				s.prove(t, proof, strings.TrimSpace(files["heard"]))
			} else if strings.HasPrefix(path, "testdata/corpus/broken/") &&
				strings.HasPrefix(files["expect"], "leak") {
				t.Error("a leak needs a proof.sql")
			}
			var options isolation.Options
			trials := strings.FieldsFunc(files["trials"], func(r rune) bool { return r == '\n' })
			if len(trials) > 0 {
				options.Disposable = &isolation.Disposable{OwnerDatabaseURL: s.dsn}
			}
			_, options.Deep = files["deep"]
			report := s.checkWith(t, options)
			var tried []string
			for _, f := range report.Findings {
				if f.Trial != nil {
					tried = append(tried, fmt.Sprintf("%s: %s", f.Key(), f.Trial.Outcome))
				}
			}
			if changes := diff.Diff(trials, tried, cmpopts.EquateEmpty()); changes != "" {
				t.Errorf("other trials of fixes (-want +got):\n%s", changes)
			}
			s.paste(t, report.Findings)
			for line := range strings.Lines(files["notes"]) {
				said := strings.Join(report.Coverage.Notes, "\n")
				if !strings.Contains(said, strings.TrimSpace(line)) {
					t.Errorf("no note says %q:\n%s", line, said)
				}
			}
			for line := range strings.Lines(files["says"]) {
				said := func(f isolation.Finding) bool {
					return strings.Contains(f.Evidence, strings.TrimSpace(line))
				}
				left := strings.Join(report.Coverage.LeftOut, "\n")
				if !slices.ContainsFunc(report.Findings, said) && !strings.Contains(left, strings.TrimSpace(line)) {
					t.Errorf("nothing says %q: %v\n%s", line, report.Findings, left)
				}
			}
			if changes := diff.Diff(expected(files), s.found(report)); changes != "" {
				var text bytes.Buffer
				if err := results.WriteText(&text, report, nil); err != nil {
					t.Error(err)
				}
				t.Errorf("other findings (-want +got):\n%s\n%s", changes, text.String())
			}
			if fixed := strings.TrimSpace(files["fixed"]); fixed != "" {
				for _, f := range report.Findings {
					s.exec(t, f.Fix)
				}
				if again := s.check(t); string(again.Verdict) != fixed {
					t.Errorf("after the fixes: %s, want %s: %v", again.Verdict, fixed, again.Findings)
				}
			}
		})
	}
}
