package acceptance

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/pgproxy"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// point is a moment in which the product can be killed: before a call of Slack, a COMMIT or a
// command on a host takes effect, after it did and before the product knows, or while the command
// runs.
type point struct{ what, when string }

func (p point) String() string { return p.when + " " + p.what }

const (
	before = "before"
	during = "during"
	after  = "after"
)

// killer kills the product at points that it comes by, no more often than a quota at each, and some
// points apart. Points are enumerated by passing them.
type killer struct {
	*harness
	quota, spread int
	// spares says of points that they are passed. It may be nil.
	spares func(what string) bool

	mu     sync.Mutex
	victim *testbed.Bot // nil while there is none, or none is to be killed
	gap    int          // points to let pass before the next kill
	left   int          // kills that are still to come
	passed map[point]int
	killed map[point]int
	died   chan struct{}
}

// openKiller starts a testbed and the product, whose database, Slack and hosts tell a killer of every
// point.
func openKiller(t *testing.T, config testbed.Config) *killer {
	t.Helper()
	k := &killer{quota: 1, spread: 12, passed: map[point]int{}, killed: map[point]int{}, died: make(chan struct{}, 1)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go k.serveCommands(listener)
	change := config.Bot
	config.Slack = k.watchSlack
	config.Workspace = func(w *workspace.Config) { w.Rates.Off = true }
	config.Bot = func(settings *testbed.Settings) {
		if change != nil {
			change(settings)
		}
		settings.HTTP = "off" // a child of a killed process may hold the port for a moment
		proxy, err := pgproxy.New(settings.Database, func(c pgproxy.Commit) bool {
			if c.After {
				return k.at("COMMIT "+c.Writes, after)
			}
			return k.at("COMMIT "+c.Writes, before)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(proxy.Close)
		if settings.Database, err = proxy.DSN(settings.Database); err != nil {
			t.Fatal(err)
		}
	}
	k.harness = openWithout(t, config)
	k.env = []string{"PATH=" + k.wrapSSH(listener.Addr().String()) + ":" + os.Getenv("PATH")}
	k.start()
	return k
}

// at notes that the product comes by a point, and reports whether it was killed there.
func (k *killer) at(what, when string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := point{what, when}
	k.passed[p]++
	if k.victim == nil || k.left == 0 || k.killed[p] >= k.quota || k.spares != nil && k.spares(what) {
		return false
	}
	if k.gap > 0 {
		k.gap--
		return false
	}
	k.killed[p]++
	k.left--
	k.victim.Kill()
	k.victim = nil
	k.died <- struct{}{}
	return true
}

// changesNothing reports whether a point is of the housekeeping, or of a question that changes
// nothing.
func changesNothing(what string) bool {
	kind, name, _ := strings.Cut(what, " ")
	switch kind {
	case "COMMIT":
		return !strings.Contains(name, "steps") && !strings.Contains(name, "attempts") &&
			!strings.Contains(name, "runs")
	case "Slack":
		return !strings.HasPrefix(name, "chat.") && !strings.HasPrefix(name, "files.")
	}
	return name == "observation"
}

// killUntil kills and restarts the product until something has ended, and returns how that ended.
func (k *killer) killUntil(kills int, ended <-chan error) error {
	k.arm(kills)
	for {
		select {
		case err := <-ended:
			k.arm(0)
			select {
			case <-k.died:
				k.start()
			default:
			}
			return err
		case <-k.died:
			k.start()
			k.arm(-1)
		}
	}
}

// arm has the product killed from now on, as often as before for a negative number.
func (k *killer) arm(kills int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if kills >= 0 {
		k.left = kills
	}
	k.victim, k.gap = k.bot, rand.IntN(k.spread)
	if k.left == 0 {
		k.victim = nil
	}
}

// dealt returns how many kills there were.
func (k *killer) dealt() (count int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, n := range k.killed {
		count += n
	}
	return count
}

// table lists the points, how often each was passed, and how often the product was killed there.
func (k *killer) table() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var lines []string
	for p, n := range k.passed {
		lines = append(lines, fmt.Sprintf("%-60s %-6s passed %4d, killed %2d", p.what, p.when, n, k.killed[p]))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// watchSlack is a point before and after every call of the Web API.
func (k *killer) watchSlack(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, found := strings.CutPrefix(r.URL.Path, "/api/")
		if !found { // a socket, or a file
			next.ServeHTTP(w, r)
			return
		}
		if k.at("Slack "+method, before) {
			panic(http.ErrAbortHandler)
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if k.at("Slack "+method, after) {
			panic(http.ErrAbortHandler)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// sshScript stands in for ssh: it asks the killer before and after each command.
const sshScript = `#!/bin/bash
for last; do :; done
exec 7<>/dev/tcp/%s || exec /usr/bin/ssh "$@"
printf 'start %%s\n' "$(printf %%s "$last" | base64 -w0)" >&7
read -r answer <&7
[ "$answer" = go ] || exit 255
/usr/bin/ssh "$@" 7>&-
status=$?
echo end >&7
read -r answer <&7
exit "$status"
`

// wrapSSH makes a directory with the script, for a PATH.
func (k *killer) wrapSSH(address string) string {
	k.t.Helper()
	dir := filepath.Join(k.Dir, "bin")
	k.must(os.MkdirAll(dir, 0o755))
	script := fmt.Sprintf(sshScript, strings.Replace(address, ":", "/", 1))
	k.must(os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o755))
	return dir
}

func (k *killer) serveCommands(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go k.command(conn)
	}
}

// command is a point before, during and after one command. One that is killed before never runs.
func (k *killer) command(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 16<<20)
	if !lines.Scan() {
		return
	}
	coded, _ := strings.CutPrefix(lines.Text(), "start ")
	text, _ := base64.StdEncoding.DecodeString(coded)
	what := "host " + commandName(string(text))
	if k.at(what, before) {
		return
	}
	fmt.Fprintln(conn, "go")
	running := time.AfterFunc(50*time.Millisecond, func() { k.at(what, during) })
	defer running.Stop()
	if lines.Scan() {
		k.at(what, after)
		fmt.Fprintln(conn, "go")
	}
}

// commandName names what a shell on a host is told to run, by words that only that has.
func commandName(text string) string {
	if !strings.Contains(text, "fenced off") { // not the script around what changes something
		return "observation"
	}
	for _, known := range []struct{ word, name string }{
		{"index.lock", "commit"}, {"certbot renew", "certbot renew"}, {"certbot delete", "certbot delete"},
		{"certbot", "certbot"}, {"./run", "deploy"}, {"openssl", "openssl"}, {"mailbox-", "mailbox"},
		{"nginx -s", "reload"}, {"install -d", "webroot"}, {"/dev/stdin", "install"}, {" rm ", "rm"},
		{" true", "settle"},
	} {
		if strings.Contains(text, known.word) {
			return known.name
		}
	}
	return "other"
}
