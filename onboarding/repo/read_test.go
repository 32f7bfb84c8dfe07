package repo_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

func TestRead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, p *platform) {
		ctx := soon(t)
		check := func(what string, got any, err error, want any) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", what, err, diff)
			}
		}
		state, err := p.Observe(ctx, "merche-biche.com")
		check("before", state, err,
			&repo.State{Domains: []string{"_template", "cocotte.com"},
				Template: []hosts.File{{Path: "deploy.sh", Mode: 0o755, Content: []byte("#!/bin/sh\n")},
					{Path: "services.yaml", Mode: 0o644, Content: []byte("domain: x\n")}}})
		template := state.Template

		p.write(folder+"/a b/é*.txt", "text")
		p.write(folder+"/binary", "\x00\xff\n\x00\x00\n")
		p.write(folder+"/empty", "")
		if err := os.Symlink("empty", p.path(folder+"/link")); err != nil {
			t.Fatal(err)
		}
		want := []hosts.File{
			{Path: "a b/é*.txt", Mode: 0o644, Content: []byte("text")},
			{Path: "binary", Mode: 0o644, Content: []byte("\x00\xff\n\x00\x00\n")},
			{Path: "empty", Mode: 0o644, Content: []byte{}},
			{Path: "link", Mode: fs.ModeSymlink | 0o777, Link: "empty"},
		}
		all := []string{"_template", "cocotte.com", "merche-biche.com"}
		state, err = p.Observe(ctx, "merche-biche.com")
		check("before the commit", state, err, &repo.State{Domains: all, Template: template, Present: want})
		domains, err := p.Domains(ctx)
		check("domains", domains, err, all)

		p.git("add", ".")
		p.git("commit", "-qm", "Add a\ttab")
		state, err = p.Observe(ctx, "merche-biche.com")
		check("after the commit", state, err,
			&repo.State{Domains: all, Template: template, Present: want, Committed: want,
				Unpushed: []repo.Unpushed{{Commit: p.git("rev-parse", "HEAD"), Author: "Quinn <quinn@example.com>",
					Subject: "Add a\ttab"}}})

		if _, err := p.Observe(ctx, "../x"); err == nil {
			t.Error("a path that leads out is accepted")
		}
	})
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config repo.Config
		want   string
	}{
		{repo.Config{Dir: "~/x", Author: author}, ""},
		{repo.Config{Dir: "x", Author: "nobody"},
			`dir: "x" is neither absolute nor under ~/ | author: "nobody" is not of the form Name <address>`},
		{repo.Config{Dir: "/x", Author: author, Branch: "-x", Remote: "--exec=id"},
			`branch: "-x" is not a branch name | remote: "--exec=id" is not the name of a remote such as origin`},
		{repo.Config{Dir: "/x", Author: author, DomainsDir: "../x"},
			`domains_dir: path "../x" is not relative and clean`},
	} {
		got := ""
		if err := test.config.WithDefaults().Validate(); err != nil {
			got = strings.ReplaceAll(err.Error(), "\n", " | ")
		}
		if got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
