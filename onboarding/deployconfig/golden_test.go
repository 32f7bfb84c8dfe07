package deployconfig_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/deployconfig"
)

var update = flag.Bool("update", false, "write what comes out into the golden files")

// separator stands in a golden file between a source and what becomes of it, which is the edited
// source or the error.
const separator = "----------\n"

var (
	wantServices = deployconfig.Services{
		Domain: "merche-biche.com", Feature: "provider-site", Aliases: []string{"www.merche-biche.com",
			"merche.example"}, HeldBack: true,
	}
	wantScript = deployconfig.Script{RemoteDest: "/var/www/merche-biche.com",
		RemoteNginxConf: "/etc/nginx/sites-available/merche-biche.com"}
	wantHosted = deployconfig.Script{RemoteHost: "merche-vps", RemoteDest: wantScript.RemoteDest,
		RemoteNginxConf: wantScript.RemoteNginxConf}
	wantSite = deployconfig.Site{ServerNames: []string{"merche-biche.com", "www.merche-biche.com"},
		Root: "/var/www/merche-biche.com"}
)

// edits are the functions under test, each with the folder of its cases.
var edits = map[string]func([]byte) ([]byte, error){
	"services": func(src []byte) ([]byte, error) { return deployconfig.SetServices(src, wantServices) },
	"heldback": func(src []byte) ([]byte, error) { return deployconfig.SetHeldBack(src, false) },
	"script":   func(src []byte) ([]byte, error) { return deployconfig.SetScript(src, wantScript) },
	"hosted":   func(src []byte) ([]byte, error) { return deployconfig.SetScript(src, wantHosted) },
	"site":     func(src []byte) ([]byte, error) { return deployconfig.SetSite(src, wantSite) },
}

func cases(t testing.TB, folder string) map[string][2][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", folder, err)
	}
	all := make(map[string][2][]byte)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		i := bytes.LastIndex(content, []byte(separator))
		if i < 0 {
			t.Fatalf("%s has no separator", file)
		}
		all[file] = [2][]byte{content[:i], content[i+len(separator):]}
	}
	return all
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for folder, edit := range edits {
		for file, pair := range cases(t, folder) {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				source, want := pair[0], pair[1]
				got, err := edit(source)
				if err != nil {
					got = []byte(err.Error() + "\n")
				}
				if *update {
					if err := os.WriteFile(file, append(append(bytes.Clone(source), separator...), got...),
						0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Fatal(diff)
				}
				if err != nil {
					return
				}
				if again, err := edit(got); err != nil || !bytes.Equal(again, got) {
					t.Errorf("a second time: %v\n%s", err, again)
				}
				// The same file with other line ends, and without the last of them.
				crlf := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
				// to a shell CR is no line end
				if got, err := edit(crlf(source)); folder != "script" && folder != "hosted" &&
					(err != nil || !bytes.Equal(got, crlf(want))) {
					t.Errorf("with CRLF: %v\n%q", err, got)
				}
				trim := func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\n")) }
				if got, err := edit(trim(source)); err != nil || !bytes.Equal(got, trim(want)) {
					t.Errorf("without a newline at the end: %v\n%q", err, got)
				}
				if folder == "services" && !strings.HasPrefix(string(source), "%") {
					bom := func(b []byte) []byte { return append([]byte("\uFEFF"), b...) }
					if got, err := edit(bom(source)); err != nil || !bytes.Equal(got, bom(want)) {
						t.Errorf("with a byte order mark: %v\n%q", err, got)
					}
				}
			})
		}
	}
}

// fuzz checks what must hold for any source: an edit fails, or its result says what was wanted,
// has kept every other line, and is left alone by a second edit.
func fuzz(f *testing.F, folder string, check func(*testing.T, []byte)) {
	for _, pair := range cases(f, folder) {
		f.Add(pair[0])
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		got, err := edits[folder](source)
		if err != nil {
			if strings.Contains(err.Error(), "would change more") {
				t.Errorf("the edit was wrong and caught: %v\n%q", err, source)
			}
			return
		}
		check(t, got)
		again, err := edits[folder](got)
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("a second time: %v\n%q\n%q\n%q", err, source, got, again)
		}
	})
}

func FuzzSetServices(f *testing.F) {
	fuzz(f, "services", func(t *testing.T, got []byte) {
		values, err := deployconfig.ReadServices(got)
		if err != nil || cmp.Diff(wantServices, values) != "" {
			t.Errorf("%v, %v", values, err)
		}
	})
}

func FuzzSetScript(f *testing.F) {
	fuzz(f, "script", func(t *testing.T, got []byte) {
		values, err := deployconfig.ReadScript(got)
		if err != nil || values != wantScript {
			t.Errorf("%v, %v", values, err)
		}
	})
}

func FuzzSetSite(f *testing.F) {
	fuzz(f, "site", func(t *testing.T, got []byte) {
		servers, err := deployconfig.Servers(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, server := range servers {
			other := slices.ContainsFunc(server.ServerNames,
				func(name string) bool { return !slices.Contains(wantSite.ServerNames, name) })
			if other || len(server.ServerNames) == 0 || server.Root != "" && server.Root != wantSite.Root {
				t.Errorf("%+v", server)
			}
		}
	})
}
