package repo_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/repo"
)

// Commits are signed with a key of either kind, so a remote that refuses unsigned ones takes them,
// also after they were put on top of others; the first line is worded as commitlint(1) wants it.
func TestApplySigns(t *testing.T) {
	keys := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+filepath.Join(keys, "gnupg"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		return string(out)
	}
	run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(keys, "id"))
	other := filepath.Join(keys, "other")
	run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other)
	public, err := os.ReadFile(filepath.Join(keys, "id.pub"))
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(keys, "allowed")
	if err := os.WriteFile(allowed, []byte("onboarding@example.com "+string(public)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(keys, "gnupg"), 0o700); err != nil {
		t.Fatal(err)
	}
	run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", author, "ed25519", "sign")
	t.Cleanup(func() { run("gpgconf", "--kill", "all") })
	fingerprint := ""
	for line := range strings.Lines(run("gpg", "--batch", "--with-colons", "--list-keys")) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" && fingerprint == "" {
			fingerprint = fields[9]
		}
	}
	for name, key := range map[string]string{"ssh": filepath.Join(keys, "id"), "openpgp": fingerprint} {
		t.Run(name, func(t *testing.T) {
			p := local(t)
			hook := filepath.Join(p.remote, "hooks", "pre-receive")
			if err := os.WriteFile(hook, []byte(`#!/bin/sh
export GNUPGHOME='`+filepath.Join(keys, "gnupg")+`'
while read -r old new ref; do
	for commit in $(git rev-list "$new" "^$old" --author=Onboarding); do
		git -c gpg.ssh.allowedSignersFile='`+allowed+`' verify-commit "$commit" >&2 ||
			{ echo "error: $commit must have a verified signature" >&2; exit 1; }
		git log -1 --format=%s "$commit" | grep -Eq '^chore\(deploy\): [a-z].{0,86}$' ||
			{ echo 'error: the subject must be type(scope): subject' >&2; exit 1; }
	done
done
`), 0o755); err != nil {
				t.Fatal(err)
			}
			unsigned := deploy()
			if _, err := p.Apply(soon(t), unsigned); !errors.Is(err, repo.ErrPush) ||
				!strings.Contains(err.Error(), "must have a verified signature") {
				t.Fatalf("error = %v", err)
			}
			p.git("reset", "-q", "--hard", "HEAD^")
			config := repo.Config{Dir: p.dir, Remote: "origin", Author: author, Sign: key,
				Subject: "chore(deploy): {subject}"}
			signing, err := repo.New(p.Host(), config)
			if err != nil {
				t.Fatal(err)
			}
			p.meanwhile("CHANGES.md")
			c := deploy()
			c.Subject = signing.Subject("Add the deploy config of merche-biche.com")
			c.Rebase = true
			t.Setenv("GNUPGHOME", filepath.Join(keys, "gnupg"))
			hash, err := signing.Apply(soon(t), c)
			if err != nil || p.pushed() != hash {
				t.Fatalf("%s, %v", hash, err)
			}
			p.meanwhile("CHANGES.md")
			c = repo.Commit{Folder: folder, Subject: signing.Subject("Put merche-biche.com live"), Trailers: c.Trailers,
				Files: []repo.FileChange{{Path: folder + "/live", Mode: 0o644, After: []byte("1\n")}}}
			if _, err := signing.Apply(soon(t), c); !errors.Is(err, repo.ErrBehind) {
				t.Fatalf("error = %v", err)
			}
			c.Rebase = true
			if hash, err = signing.Apply(soon(t), c); err != nil || p.git("rev-parse", "HEAD") != p.pushed() {
				t.Errorf("%s, %v", hash, err)
			}

			// Whatever is pushed with it must be signed with the same key, also if people approved
			// it.
			p.intrude(otherRun, strings.Repeat("1f", 32), map[string]string{otherFolder + "/services.yaml": "evil\n"})
			for _, options := range [][]string{nil, {"-c", "gpg.format=ssh", "-c", "user.signingKey=" + other, "-c",
				"commit.gpgSign=true"}} {
				p.git(append(options, "-c", "user.name=Onboarding", "-c", "user.email=onboarding@example.com", "commit",
					"-q", "--amend", "--no-edit")...)
				c.Unpushed, c.Rebase = p.unpushed(), false
				pushed := p.pushed()
				if _, err := signing.Apply(soon(t), c); !errors.Is(err, repo.ErrUnsigned) || p.pushed() != pushed {
					t.Errorf("with %q: %v", options, err)
				}
			}
		})
	}
}
