package repo_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// A filter stores a file in another form, as Git LFS does: what was approved is found again.
func TestFilteredFileIsComparedAsItComesOut(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, p *platform) {
		p.write(".gitattributes", "*.png filter=store\n")
		p.git("add", ".gitattributes")
		p.git("commit", "-qm", "Store pictures elsewhere")
		p.git("push", "-q", "origin", "main")
		p.git("fetch", "-q", "origin")
		p.git("config", "filter.store.clean", "base64")
		p.git("config", "filter.store.smudge", "base64 -d")
		p.git("config", "filter.store.required", "true")
		logo := []byte("\x89PNG\r\n\x1a\n\x00 logo")
		c := deploy()
		c.Files = append(c.Files, repo.FileChange{Path: folder + "/assets/logo.png", Mode: 0o644, After: logo})
		hash, err := p.Apply(soon(t), c)
		if err != nil {
			t.Fatal(err)
		}
		if stored := p.git("cat-file", "blob", hash+":"+folder+"/assets/logo.png"); strings.Contains(stored, "PNG") {
			t.Errorf("stored unfiltered: %q", stored)
		}
		state, err := p.Observe(soon(t), "merche-biche.com")
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(state.Committed, func(f hosts.File) bool { return f.Path == "assets/logo.png" })
		if i < 0 || string(state.Committed[i].Content) != string(logo) {
			t.Errorf("committed: %+v", state.Committed)
		}
		if again, err := p.Apply(soon(t), c); err != nil || again != hash {
			t.Errorf("again: %s, %v", again, err)
		}
	})
}

// An attribute or a filter that loses bytes is told before anything is committed.
func TestApplyRefusesWhatGitChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ attributes, config, value, content string }{
		"no such filter": {"*.conf filter=nowhere", "filter.nowhere.required", "true", "server {}\n"},
		"line ends":      {"*.conf text", "", "", "server {}\r\n"},
		"automatic":      {"* text=auto", "", "", "server {}\r\n"},
		"autocrlf":       {"", "core.autocrlf", "input", "server {}\r\n"},
		"eol":            {"*.conf text eol=crlf", "", "", "server {}\n"},
		"ident to be":    {"*.conf ident", "", "", "# $Id$\n"},
		"ident":          {"*.conf ident", "", "", "# $Id: 1 $\n"},
		"encoding":       {"*.conf working-tree-encoding=UTF-16", "", "", "\xfe\xff\x00a\x00\n"},
		"lossy filter":   {"*.conf filter=upper", "filter.upper.clean", "tr a-z A-Z", "server {}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := local(t)
			if test.attributes != "" {
				p.write(".gitattributes", test.attributes+"\n")
				p.git("add", ".gitattributes")
				p.git("commit", "-qm", "Attributes")
				p.git("push", "-q", "origin", "main")
				p.git("fetch", "-q", "origin")
			}
			if test.config != "" {
				p.git("config", test.config, test.value)
			}
			path := folder + "/nginx/prod.conf"
			c := repo.Commit{Folder: folder, Subject: "x",
				Files: []repo.FileChange{{Path: path, Mode: 0o644, After: []byte(test.content)}}}
			refuses(t, p, c, repo.ErrRefused, path, ".gitattributes")
		})
	}
}

// A repository that ignores modes commits those that were approved.
func TestModesAreThoseApproved(t *testing.T) {
	t.Parallel()
	p := local(t)
	p.git("config", "core.fileMode", "false")
	hash, err := p.Apply(soon(t), deploy())
	if err != nil {
		t.Fatal(err)
	}
	if entry := p.git("ls-tree", hash, folder+"/deploy.sh"); !strings.HasPrefix(entry, "100755 ") {
		t.Errorf("committed as %s", entry)
	}
	if info, err := os.Stat(filepath.Join(p.dir, folder, "deploy.sh")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("in the work tree: %v, %v", info, err)
	}
}

// The reason stands somewhere in what a hook or the remote prints, and not always at its end.
func TestReasonsAreQuoted(t *testing.T) {
	t.Parallel()
	const checks = `echo 'trim trailing whitespace...Passed'; echo 'check yaml...Failed'; echo '- hook id: check-yaml'
echo '- exit code: 1'; echo; echo 'services.yaml: could not find expected :'; echo
for n in 1 2 3 4 5 6 7 8 9; do echo "check $n...(no files to check)Skipped"; done; exit 1`
	p := local(t)
	p.hook("pre-commit", checks)
	var lines []string
	c := deploy()
	c.Output = func(line string) { lines = append(lines, line) }
	refuses(t, p, c, repo.ErrRefused, "check yaml...Failed", "could not find expected", "git commit failed")
	all := strings.Join(lines, "\n")
	if !strings.Contains(all, "check 4...") || !strings.Contains(all, "exit code: 1") {
		t.Errorf("the output: %s", all)
	}

	p = local(t)
	hook := filepath.Join(p.remote, "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte(`#!/bin/sh
echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2
echo 'error: Commits must have verified signatures' >&2
for n in 1 2 3 4 5 6; do echo "See page $n of the manual." >&2; done
exit 1
`), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := p.Apply(soon(t), deploy())
	if err == nil || !strings.Contains(err.Error(), "Commits must have verified signatures") {
		t.Errorf("error = %v", err)
	}
}
