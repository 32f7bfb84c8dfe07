package acceptance

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

// fencedFile matches a file in a document: a block whose first line is a comment with its name.
var fencedFile = regexp.MustCompile("(?ms)^```\\w+\n(?:#|--) ([\\w./-]+)\n(.*?)^```$")

// pipelines are the parts of CI files that run here: their shell commands.
type pipelines struct {
	Jobs      map[string]struct{ Steps []struct{ Run string } }
	Isolation struct{ Script []string }
}

// commands are the shell commands of a CI file.
func (p pipelines) commands() (commands []string) {
	for _, job := range p.Jobs {
		for _, step := range job.Steps {
			commands = append(commands, step.Run)
		}
	}
	return append(commands, p.Isolation.Script...)
}

// TestIsolationInCI runs the CI files of docs/isolation.md as their shell commands: they fail on a
// migration that opens a table, and pass with the fix of the report as the next migration.
func TestIsolationInCI(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/isolation.md")
	if err != nil {
		t.Fatal(err)
	}
	server, err := postgres.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	ci := &checkout{t: t, dir: t.TempDir(), server: server}
	files := map[string]string{}
	for _, file := range fencedFile.FindAllStringSubmatch(string(text), -1) {
		files[file[1]] = file[2]
		ci.write(file[1], file[2])
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ci.write("bin/onboardbot", "#!/bin/sh\n"+asProduct+" exec "+executable+" \"$@\"\n")
	for _, name := range []string{".github/workflows/isolation.yaml", ".gitlab-ci.yml"} {
		var pipeline pipelines
		if err := yaml.Load([]byte(files[name]), &pipeline); err != nil {
			t.Fatal(err)
		}
		job := strings.Join(pipeline.commands(), "\n")
		ci.migrate("1", `CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text UNIQUE NOT NULL);
			CREATE TABLE notes (id bigserial PRIMARY KEY, user_id uuid NOT NULL REFERENCES users, body text NOT NULL);
			ALTER TABLE users ENABLE ROW LEVEL SECURITY; ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
			CREATE POLICY own ON users USING (id = nullif(current_setting('app.user_id', true), '')::uuid);
			CREATE POLICY own ON notes USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
			GRANT SELECT, INSERT, UPDATE, DELETE ON users, notes TO platform_app;
			GRANT USAGE ON SEQUENCE notes_id_seq TO platform_app;`)
		ci.migrate("2", "CREATE POLICY search ON notes FOR SELECT USING (true);")
		ci.run(1, job)
		ci.migrate("3", ci.fixes())
		ci.run(0, job)
		if err := os.RemoveAll(filepath.Join(ci.dir, "migrations")); err != nil {
			t.Fatal(err)
		}
	}
}

// checkout is a repository that CI has checked out.
type checkout struct {
	t      *testing.T
	dir    string
	server *postgres.Server
}

func (c *checkout) write(name, text string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		c.t.Fatal(err)
	}
}

func (c *checkout) migrate(number, sql string) { c.write("migrations/"+number+".sql", sql) }

// command runs shell commands as CI does, and returns their output and exit status.
func (c *checkout) command(script string) (out string, status int) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "bash", "-e", "-c", script)
	cmd.Dir = c.dir
	const database = "ci"
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(c.dir, "bin")+":"+os.Getenv("PATH"),
		"OWNER_URL="+c.server.DSN(database), "AUDITOR_URL="+c.server.DSNAs("auditor", database),
		"APP_URL="+c.server.DSNAs("platform_app", database), "ADMIN_URL="+c.server.DSN(postgres.Superuser))
	output, err := cmd.Output()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && !failed {
		c.t.Fatal(err)
	}
	if failed {
		output = append(output, exit.Stderr...)
	}
	return string(output), cmd.ProcessState.ExitCode()
}

// run runs a job on a server that is as empty as a new one.
func (c *checkout) run(want int, job string) {
	c.t.Helper()
	out, status := c.command(`psql "$ADMIN_URL" --quiet -c 'DROP DATABASE IF EXISTS ci' \
		-c 'DROP ROLE IF EXISTS auditor, platform_app' -c 'CREATE DATABASE ci' 2>/dev/null` + "\n" + job)
	if status != want {
		c.t.Fatalf("exit status %d, want %d: %s\n%s", status, want, job, out)
	}
}

// fixes are the fixes of a report on the database that the last job left.
func (c *checkout) fixes() (sql string) {
	c.t.Helper()
	out, _ := c.command("onboardbot isolation -config ci/isolation.yaml -format json")
	var report struct{ Findings []struct{ Fix string } }
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Findings) == 0 {
		c.t.Fatalf("%v: %s", err, out)
	}
	for _, f := range report.Findings {
		sql += f.Fix + "\n"
	}
	return sql
}
