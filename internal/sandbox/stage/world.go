package stage

import (
	"context"
	"fmt"
	"html/template"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/page"
)

// snapshot is the world at one moment: rows by table, records by zone, the newest commit and the
// folders of sites.
type snapshot struct {
	rows    map[string][]string
	zones   map[string][]string
	commit  string
	domains []string
}

func (s *Stage) snapshot(ctx context.Context) (now snapshot, err error) {
	if now.rows, err = s.rows(ctx); err != nil {
		return now, err
	}
	if now.zones, err = s.zones(); err != nil {
		return now, err
	}
	if now.commit, err = run(ctx, "git", "-C", s.Repo.Origin, "rev-parse", "main"); err != nil {
		return now, err
	}
	now.commit = strings.TrimSpace(now.commit)
	now.domains, err = s.domains(ctx)
	return now, err
}

func (s *Stage) panels() []page.Panel {
	return []page.Panel{
		{ID: "rows", Title: "Rows", Show: s.showRows},
		{ID: "zone", Title: "DNS", Show: s.showZones},
		{ID: "repository", Title: "Repository", Show: s.showRepository},
		{ID: "site", Title: "Site", Show: s.showSites},
		{ID: "isolation", Title: "Isolation", Show: s.showIsolation},
	}
}

// rows reads every row of the platform as JSON, by table.
func (s *Stage) rows(ctx context.Context) (map[string][]string, error) {
	conn, err := pgx.Connect(ctx, s.AdminDSN())
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	names, err := conn.Query(ctx, `SELECT table_name FROM information_schema.tables
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name`)
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(names, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, table := range tables {
		rows, err := conn.Query(ctx, "SELECT jsonb_pretty(to_jsonb(t)) FROM "+pgx.Identifier{table}.Sanitize()+" t")
		if err != nil {
			return nil, err
		}
		if all[table], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Stage) showRows(ctx context.Context) (template.HTML, error) {
	now, err := s.rows(ctx)
	if err != nil {
		return "", err
	}
	return differences("Rows of the platform's database that differ from those when this world started.", s.before.rows,
		now, "", "No row differs from those at the start. The step “Database rows” adds some."), nil
}

func (s *Stage) zones() (map[string][]string, error) {
	all := map[string][]string{}
	for _, zone := range s.DNS.Zones() {
		records, err := s.DNS.Records(zone)
		if err != nil {
			return nil, err
		}
		all[zone] = records
	}
	return all, nil
}

func (s *Stage) showZones(context.Context) (template.HTML, error) {
	now, err := s.zones()
	if err != nil {
		return "", err
	}
	registered := "Registered domains: " + strings.Join(slices.Sorted(maps.Keys(now)), ", ") + ". "
	return differences(
		registered+"Records of the authoritative name server that have changed since this world started:",
		s.before.zones, now, "zone ",
		registered+"No record differs from those at the start. The step “DNS” publishes some."), nil
}

// differences shows what was added to lists, and what was taken away.
func differences(intro string, before, now map[string][]string, prefix, none string) template.HTML {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(now)) {
		var changed strings.Builder
		for _, old := range before[name] {
			if !slices.Contains(now[name], old) {
				changed.WriteString(line("del", "− "+old))
			}
		}
		for _, one := range now[name] {
			if !slices.Contains(before[name], one) {
				changed.WriteString(line("add", "+ "+one))
			}
		}
		if changed.Len() > 0 {
			fmt.Fprintf(&out, "<h3>%s%s</h3><pre>%s</pre>", esc(prefix), esc(name), changed.String())
		}
	}
	if out.Len() == 0 {
		return template.HTML("<p>" + esc(none) + "</p>")
	}
	return template.HTML("<p>" + esc(intro) + "</p>" + out.String())
}

func esc(text string) string { return template.HTMLEscapeString(text) }

func line(class, text string) string {
	return `<span class="` + class + `">` + esc(text) + "</span>\n"
}

// maxLog is how many bytes of the repository's log are shown.
const maxLog = 100 << 10

func (s *Stage) showRepository(ctx context.Context) (template.HTML, error) {
	log, err := run(ctx, "git", "-C", s.Repo.Origin, "log", "--no-color", "-p", "--format=%x00%s%n%h by %an%n%n%b",
		s.before.commit+"..main")
	if err != nil {
		return "", err
	}
	if log == "" {
		return "<p>No commit yet. The step “Deploy config” pushes the first one.</p>", nil
	}
	var out strings.Builder
	out.WriteString("<p>Commits in the platform's remote repository since this world started, the newest first.</p>")
	for commit := range strings.SplitSeq(log[1:min(len(log), maxLog)], "\x00") {
		subject, rest, _ := strings.Cut(commit, "\n")
		fmt.Fprintf(&out, "<h3>%s</h3><pre>", esc(subject))
		for text := range strings.Lines(rest) {
			text = strings.TrimSuffix(text, "\n")
			switch {
			case strings.HasPrefix(text, "+++"), strings.HasPrefix(text, "---"), strings.HasPrefix(text, "index "):
			case strings.HasPrefix(text, "+"):
				out.WriteString(line("add", text))
			case strings.HasPrefix(text, "-"):
				out.WriteString(line("del", text))
			default:
				out.WriteString(esc(text) + "\n")
			}
		}
		out.WriteString("</pre>")
	}
	return template.HTML(out.String()), nil
}

// report is the newest isolation report, and when it was made.
type report struct {
	text string
	at   time.Time
}

const (
	// reportAge is how old a shown isolation report may be.
	reportAge = 20 * time.Second
	// reportTimeout bounds a check; reportWait is how long the page waits for one to end.
	reportTimeout, reportWait = time.Minute, 2 * time.Second
)

// showIsolation shows the report of the product's own check. The check goes on when the page does
// not wait any longer, and its report is shown the next time.
func (s *Stage) showIsolation(ctx context.Context) (template.HTML, error) {
	s.mu.Lock()
	if s.checking == nil && time.Since(s.isolation.at) > reportAge {
		s.checking = make(chan struct{})
		go s.checkIsolation()
	}
	checking := s.checking
	s.mu.Unlock()
	if checking != nil {
		select {
		case <-checking:
		case <-time.After(reportWait):
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.isolation.text
	if text == "" {
		text = "The check is running."
	}
	return template.HTML("<p>What <code>onboardbot isolation</code> reports: can a tenant reach the rows of " +
		"another?</p><pre>" + esc(text) + "</pre>"), nil
}

// checkIsolation runs the product's own check, as an operator would on the command line.
func (s *Stage) checkIsolation() {
	ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.config.Command[0],
		slices.Concat(s.config.Command[1:], []string{"isolation", "-config", s.ConfigFile})...)
	cmd.Env = append(os.Environ(), s.config.Environment...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if len(out) == 0 && err != nil {
		out = []byte("The isolation check failed: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isolation = report{string(out), time.Now()}
	close(s.checking)
	s.checking = nil
}
