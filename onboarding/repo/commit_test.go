package repo_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/repo"
)

func deploy() repo.Commit {
	return repo.Commit{
		Folder: folder,
		Files: []repo.FileChange{
			{Path: folder + "/deploy.sh", Mode: 0o755, After: []byte("#!/bin/sh\n")},
			{Path: folder + "/nginx/prod.conf", Mode: 0o644, After: []byte("server {}\n")},
			{Path: folder + "/it's *é.local", Mode: 0o644, After: []byte("\x00\xff")}, // ignored by git, and a pattern
			{Path: folder + "/empty", Mode: 0o644, After: []byte{}},
		},
		Subject: "Deploy merche-biche.com",
		Body:    "# Not a comment.\nFor Merche.",
		Trailers: []repo.Trailer{{Key: repo.TrailerRun, Value: "0d5e5b6e-94c6-4f0c-8ab8-6ac1f4b6b7b1"},
			{Key: repo.TrailerDigest, Value: strings.Repeat("0f", 32)}},
	}
}

var deployed = []string{folder + "/deploy.sh", folder + "/empty", folder + "/it's *é.local",
	folder + "/nginx/prod.conf"}

func TestApply(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, p *platform) {
		// What an operator is at: staged, changed and new, also next to the folder.
		p.write("README.md", "staged\n")
		p.git("add", "README.md")
		p.write("README.md", "changed\n")
		p.write("deployments/@domains/cocotte.com/new", "new\n")
		before, index := p.git("status", "--porcelain"), p.git("diff", "--cached")

		hash, err := p.Apply(soon(t), deploy())
		if err != nil {
			t.Fatal(err)
		}
		if head := p.git("rev-parse", "HEAD"); hash != head || p.pushed() != head {
			t.Errorf("applied %s, HEAD %s, pushed %s", hash, head, p.pushed())
		}
		want := "Onboarding <onboarding@example.com>\nOnboarding <onboarding@example.com>\nDeploy " +
			"merche-biche.com\n\n# Not a comment.\nFor Merche.\n\nRun: 0d5e5b6e-94c6-4f0c-8ab8-6ac1f4b6b7b1\nDigest: " +
			strings.Repeat("0f", 32)
		if diff := cmp.Diff(want, p.git("log", "-1", "--format=%an <%ae>%n%cn <%ce>%n%B")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(deployed,
			strings.Split(p.git("diff-tree", "-r", "--no-commit-id", "--name-only", "HEAD"), "\n")); diff != "" {
			t.Error(diff)
		}
		if got := p.git("ls-tree", "HEAD", folder+"/deploy.sh"); !strings.HasPrefix(got, "100755 ") {
			t.Error(got)
		}
		for _, file := range deploy().Files {
			if got := p.read(file.Path); got != string(file.After) {
				t.Errorf("%s: %q", file.Path, got)
			}
		}
		if diff := cmp.Diff(before+index, p.git("status", "--porcelain")+p.git("diff", "--cached")); diff != "" {
			t.Errorf("what the operator was at: %s", diff)
		}

		again, err := p.Apply(soon(t), deploy())
		if err != nil || again != hash || p.git("rev-parse", "HEAD") != hash {
			t.Errorf("again: %s, %v", again, err)
		}
		if dirty := p.git("status", "--porcelain", "--", folder); dirty != "" {
			t.Errorf("left behind: %s", dirty)
		}
	})
}

func TestApplyChangesAndDeletes(t *testing.T) {
	t.Parallel()
	p := local(t)
	if _, err := p.Apply(soon(t), deploy()); err != nil {
		t.Fatal(err)
	}
	change := repo.Commit{Folder: folder, Subject: "Change", Files: []repo.FileChange{
		// the mode alone
		{Path: folder + "/deploy.sh", Mode: 0o644, Before: []byte("#!/bin/sh\n"), After: []byte("#!/bin/sh\n")},
		{Path: folder + "/nginx/prod.conf", Mode: 0o644, Before: []byte("server {}\n")},
		{Path: folder + "/empty", Mode: 0o644, Before: []byte{}, After: []byte("full\n")},
	}}
	hash, err := p.Apply(soon(t), change)
	if err != nil {
		t.Fatal(err)
	}
	want := ":100755 100644 M deploy.sh|:100644 100644 M empty|:100644 000000 D nginx/prod.conf"
	var got []string
	for line := range strings.SplitSeq(p.git("diff-tree", "-r", "--no-commit-id", hash), "\n") {
		fields := strings.Fields(line)
		got = append(got,
			strings.Join([]string{fields[0], fields[1], fields[4], strings.TrimPrefix(fields[5], folder+"/")}, " "))
	}
	if strings.Join(got, "|") != want {
		t.Errorf("got %s", strings.Join(got, "|"))
	}
	if _, err := os.Stat(p.path(folder + "/nginx")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folder stays: %v", err)
	}
	if again, err := p.Apply(soon(t), change); err != nil || again != hash {
		t.Errorf("again: %s, %v", again, err)
	}
	everything := repo.Commit{Folder: folder, Subject: "Take back", Files: []repo.FileChange{
		{Path: folder + "/deploy.sh", Mode: 0o644, Before: []byte("#!/bin/sh\n")},
		{Path: folder + "/it's *é.local", Mode: 0o644, Before: []byte("\x00\xff")},
		{Path: folder + "/empty", Mode: 0o644, Before: []byte("full\n")},
	}}
	if _, err := p.Apply(soon(t), everything); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.path(folder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder stays: %v", err)
	}
}
