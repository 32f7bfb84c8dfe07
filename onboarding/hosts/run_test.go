package hosts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

func mkfifo(path string) error { return syscall.Mkfifo(path, 0o600) }

func TestRun(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		for _, lock := range []string{"", "repo"} {
			var told []hosts.Line
			result, err := host.Run(context20(t), hosts.Command{
				Argv: []string{"sh", "-c", `echo out; echo err >&2; cat; pwd; echo "$GREETING"`}, Dir: "/usr",
				Env: map[string]string{"GREETING": "it's $HOME"}, Stdin: []byte("in\n"), Lock: lock,
			}, func(line hosts.Line) { told = append(told, line) })
			if err != nil {
				t.Fatal(err)
			}
			kept := slices.Clone(result.Head)
			if diff := cmp.Diff(kept, told); diff != "" {
				t.Errorf("lock %q: kept and told differ: %s", lock, diff)
			}
			slices.SortStableFunc(told, func(a, b hosts.Line) int { return int(a.Stream - b.Stream) })
			if lock != "" { // both outputs in one, in their order
				want := []hosts.Line{{Stream: 1, Text: "out"}, {Stream: 1, Text: "err"}, {Stream: 1, Text: "in"},
					{Stream: 1, Text: "/usr"}, {Stream: 1, Text: "it's $HOME"}}
				if diff := cmp.Diff(want, told); diff != "" {
					t.Errorf("lock %q: %s", lock, diff)
				}
				continue
			}
			want := []hosts.Line{{Stream: hosts.Stdout, Text: "out"}, {Stream: hosts.Stdout, Text: "in"},
				{Stream: hosts.Stdout, Text: "/usr"},
				{Stream: hosts.Stdout, Text: "it's $HOME"}, {Stream: hosts.Stderr, Text: "err"}}
			if diff := cmp.Diff(want, told); diff != "" {
				t.Errorf("lock %q: %s", lock, diff)
			}
		}
	})
}

func TestRunStreams(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		for _, lock := range []string{"", "repo"} {
			resume := fifo(t, t.TempDir(), "resume")
			var lines []string
			_, err := host.Run(context20(t), hosts.Command{Argv: []string{"sh", "-c",
				`echo first; read line <"$1"; echo "$line"`, "sh", resume}, Lock: lock},
				func(line hosts.Line) {
					lines = append(lines, line.Text)
					if line.Text == "first" { // the command goes on only because this line came while it runs
						if err := os.WriteFile(resume, []byte("second\n"), 0); err != nil {
							t.Error(err)
						}
					}
				})
			if err != nil || !slices.Equal(lines, []string{"first", "second"}) {
				t.Errorf("lock %q: %q, %v", lock, lines, err)
			}
		}
	})
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		command hosts.Command
		code    int
		tail    string
		both    string // the tail with a lock
	}{
		{"status", hosts.Command{Argv: []string{"sh", "-c", "echo out; echo why >&2; exit 3"}}, 3, "why", "out\nwhy"},
		{"output where there is no error", hosts.Command{Argv: []string{"sh", "-c", "echo out; exit 3"}}, 3, "out",
			"out"},
		{"75 that is no busy lock", hosts.Command{Argv: []string{"sh", "-c", "exit 75"}}, 75, "", ""},
		{"124 that is no time limit", hosts.Command{Argv: []string{"sh", "-c", "exit 124"}}, 124, "", ""},
		{"ssh's own status", hosts.Command{Argv: []string{"sh", "-c", "exit 255"}}, 254, "", ""},
		{"signal", hosts.Command{Argv: []string{"sh", "-c", "kill -TERM $$"}}, 143, "Terminated", "Terminated"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, host *hosts.Host) {
				for _, lock := range []string{"", "repo"} {
					command := test.command
					command.Lock = lock
					_, err := host.Run(context20(t), command, nil)
					var exit *hosts.ExitError
					if !errors.As(err, &exit) {
						t.Fatalf("lock %q: %v", lock, err)
					}
					want := &hosts.ExitError{Host: host.Name(), Command: command.String(), Code: test.code,
						Tail: test.tail}
					if lock != "" { // what came on either output
						want.Tail = test.both
					}
					if diff := cmp.Diff(want, exit); diff != "" {
						t.Errorf("lock %q: %s", lock, diff)
					}
				}
			})
		})
	}
}

func TestRunWithoutDirOrProgram(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		for _, lock := range []string{"", "repo"} {
			if _, err := host.Run(context20(t), hosts.Command{Argv: []string{"true"}, Dir: "/no/such", Lock: lock},
				nil); !hosts.IsExit(err, 1) || !strings.Contains(err.Error(), "/no/such") {
				t.Errorf("lock %q: %v", lock, err)
			}
			if _, err := host.Run(context20(t), hosts.Command{Argv: []string{"no-such-program"}, Lock: lock},
				nil); !hosts.IsExit(err, 127) {
				t.Errorf("lock %q: %v", lock, err)
			}
		}
	})
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command hosts.Command
		want    string
	}{
		{hosts.Command{}, "here: command is empty"},
		{hosts.Command{Argv: []string{"-x"}}, `here: command "-x" starts with a dash`},
		{hosts.Command{Argv: []string{"a", "b\x00c"}}, `here: argument "b\x00c" holds a NUL byte`},
		{hosts.Command{Argv: []string{"a"}, Dir: "relative"},
			`here: directory "relative" is neither absolute nor under ~/`},
		{hosts.Command{Argv: []string{"a"}, Env: map[string]string{"A=B": ""}},
			`here: environment variable "A=B" cannot be set`},
		{hosts.Command{Argv: []string{"a"}, Lock: "../x"},
			`here: lock name "../x": use letters, digits, dot, dash and underscore`},
	} {
		if _, err := local(t).Run(t.Context(), test.command, nil); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestHostileArguments(t *testing.T) {
	t.Parallel()
	hostile := []string{"x;id", "$(id)", "`id`", "it's \"q\"", "", " ", "a\nb", "*", "~", "~root", "\\", "-e", "é👩‍🚒",
		"\x01\x7f", "!x", "{a,b}", "&", "#"}
	onEach(t, func(t *testing.T, host *hosts.Host) {
		for _, lock := range []string{"", "repo"} {
			out, err := host.Output(context20(t),
				hosts.Command{Argv: append([]string{"printf", `%s\0`}, hostile...), Lock: lock})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, hostile) {
				t.Errorf("lock %q: got %q", lock, got)
			}
		}
	})
}

func TestOutputBounds(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		binary, err := host.Output(context20(t), hosts.Command{Argv: []string{"printf", `\377\000\r\n\033`}})
		if err != nil || string(binary) != "\xff\x00\r\n\x1b" {
			t.Errorf("%q, %v", binary, err)
		}
		_, err = host.Output(context20(t),
			hosts.Command{Argv: []string{"head", "-c", strconv.Itoa(hosts.MaxOutput + 1), "/dev/zero"}})
		if !errors.Is(err, hosts.ErrTooLong) {
			t.Errorf("%v", err)
		}
	})
}

func TestTimeLimit(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		for _, lock := range []string{"", "repo"} {
			began := time.Now()
			_, err := host.Run(context20(t),
				hosts.Command{Argv: []string{"sleep", "60"}, Lock: lock, Timeout: time.Second}, nil)
			if !errors.Is(err, hosts.ErrTimeout) || errors.Is(err, hosts.ErrLost) ||
				time.Since(began) > 10*time.Second {
				t.Errorf("lock %q: %v after %v", lock, err, time.Since(began))
			}
		}
		if err := host.Settle(context20(t), "repo", hosts.Fence{}, nil); err != nil {
			t.Errorf("the command outlives its time limit: %v", err)
		}
	})
}

// A command that only looks ends with its context: a local one with its children, a remote one
// when it next writes.
func TestCancelLook(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		dir := t.TempDir()
		begun, ended := fifo(t, dir, "begun"), fifo(t, dir, "ended")
		ctx, cancel := context.WithCancel(context20(t))
		go func() {
			await(t, begun)
			cancel()
		}()
		// The inner shell holds the pipe open; its end is the command's, with its children.
		script := `exec 9>"$2"; echo begun >"$1"; (while echo alive; do sleep 0.05; done)`
		go func() {
			_, err := host.Run(ctx, hosts.Command{Argv: []string{"sh", "-c", script, "sh", begun, ended}}, nil)
			if !errors.Is(err, context.Canceled) || errors.Is(err, hosts.ErrLost) {
				t.Errorf("%v", err)
			}
		}()
		await(t, ended)
	})
}

func TestPing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		if _, err := host.Ping(context20(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"run": "#!/bin/sh\n", "a b/é.txt": "text\n",
		"a b/binary": "\x00\xff\r\n", "empty": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Chmod(filepath.Join(dir, "run"), 0o755), os.Symlink("run", filepath.Join(dir, "link")), os.Symlink("gone",
			filepath.Join(dir, "broken")),
		os.Link(filepath.Join(dir, "run"), filepath.Join(dir, "second-name")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	onEach(t, func(t *testing.T, host *hosts.Host) {
		ctx := context20(t)
		infos, err := host.Inspect(ctx, filepath.Join(dir, "run"), filepath.Join(dir, "link"), filepath.Join(dir,
			"broken"), filepath.Join(dir, "a b"), filepath.Join(dir, "gone"), filepath.Join(dir, "run", "x"))
		if err != nil {
			t.Fatal(err)
		}
		wantInfos := []hosts.Info{
			{Path: filepath.Join(dir, "run"), Exists: true, Mode: 0o755, Size: 10, Content: []byte("#!/bin/sh\n")},
			{Path: filepath.Join(dir, "link"), Exists: true, Mode: os.ModeSymlink | 0o777, Size: 3, Link: "run",
				Content: []byte("#!/bin/sh\n")},
			{Path: filepath.Join(dir, "broken"), Exists: true, Mode: os.ModeSymlink | 0o777, Size: 4, Link: "gone",
				Broken: true},
			{Path: filepath.Join(dir, "a b"), Exists: true, Mode: os.ModeDir | 0o755},
			{Path: filepath.Join(dir, "gone")},
			{Path: filepath.Join(dir, "run", "x")},
		}
		for i := range infos {
			if infos[i].Mode.IsDir() {
				infos[i].Size = 0
			}
		}
		if diff := cmp.Diff(wantInfos, infos); diff != "" {
			t.Error(diff)
		}
		seen, err := host.Inspect(ctx, filepath.Join(dir, "link"), filepath.Join(dir, "broken"),
			filepath.Join(dir, "a b"), filepath.Join(dir, "gone"))
		if err != nil || string(seen[0].Content) != "#!/bin/sh\n" || seen[1].Content != nil ||
			seen[2].Content != nil || seen[3].Exists {
			t.Errorf("%+v, %v", seen, err)
		}
	})
}

func TestTilde(t *testing.T) {
	t.Parallel()
	host, server := remote(t)
	if err := os.WriteFile(filepath.Join(server.Dir, "home", "it's here"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	infos, err := host.Inspect(context20(t), "~/it's here", "~")
	if err != nil || string(infos[0].Content) != "x" || !infos[1].Mode.IsDir() {
		t.Errorf("%v, %v", infos, err)
	}
	out, err := host.Output(context20(t), hosts.Command{Argv: []string{"ls"}, Dir: "~/"})
	if err != nil || string(out) != "it's here\n" {
		t.Errorf("%q, %v", out, err)
	}
}
