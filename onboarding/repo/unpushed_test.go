package repo_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/repo"
)

const (
	otherFolder = "deployments/@domains/cocotte.com"
	otherRun    = "11111111-94c6-4f0c-8ab8-6ac1f4b6b7b1"
)

// intrude commits files in the work tree in the name of this program and of a run.
func (p *platform) intrude(run, digest string, files map[string]string) string {
	p.t.Helper()
	for name, content := range files {
		p.write(name, content)
		p.git("add", name)
	}
	p.git("-c", "user.name=Onboarding", "-c", "user.email=onboarding@example.com", "commit", "-q", "-m",
		"Deploy merche-biche.com\n\nRun: "+run+"\nDigest: "+digest)
	return p.git("rev-parse", "HEAD")
}

// A push publishes the commit and what was approved with it. Whatever else stands in the work tree
// in the bot's name is refused, whatever it says.
func TestApplyPushesNothingElse(t *testing.T) {
	t.Parallel()
	own, digest := deploy().Trailers[0].Value, deploy().Trailers[1].Value
	for name, test := range map[string]struct {
		plant func(p *platform)
		want  error
	}{
		"of another run": {func(p *platform) {
			p.intrude(otherRun, digest, map[string]string{otherFolder + "/services.yaml": "evil\n"})
		}, repo.ErrUnapproved},
		"of this run, for another change": {func(p *platform) {
			p.intrude(own, strings.Repeat("1f", 32), map[string]string{folder + "/nginx/prod.conf": "evil\n"})
		}, repo.ErrUnapproved},
		"of this approval, with another file": {func(p *platform) {
			p.intrude(own, digest, map[string]string{otherFolder + "/services.yaml": "evil\n"})
		}, repo.ErrUnapproved},
		"of this approval, and taken back": {func(p *platform) {
			p.intrude(own, digest, map[string]string{otherFolder + "/services.yaml": "evil\n"})
			p.intrude(own, digest, map[string]string{otherFolder + "/services.yaml": "domain: cocotte.com\n"})
		}, repo.ErrUnapproved},
		"with another author, behind a replace ref": {func(p *platform) {
			good := p.intrude(otherRun, digest, map[string]string{otherFolder + "/services.yaml": "good\n"})
			p.git("reset", "-q", "--hard", "HEAD^")
			p.write("README.md", "evil\n")
			p.git("commit", "-qam", "Evil")
			p.git("replace", "HEAD", good)
		}, repo.ErrForeign},
		"in a graft's gap": {func(p *platform) {
			begin := p.git("rev-parse", "HEAD")
			p.intrude(otherRun, digest, map[string]string{otherFolder + "/services.yaml": "evil\n"})
			head := p.intrude(otherRun, digest,
				map[string]string{otherFolder + "/services.yaml": "domain: cocotte.com\n"})
			p.write(".git/info/grafts", head+" "+begin+"\n")
		}, repo.ErrUnapproved},
		"that the remote seems to have": {func(p *platform) {
			p.intrude(otherRun, digest, map[string]string{otherFolder + "/services.yaml": "evil\n"})
			p.git("update-ref", "refs/remotes/origin/main", "HEAD")
		}, repo.ErrBehind},
		"a symbolic link": {func(p *platform) {
			p.git("rm", "-q", "--cached", otherFolder+"/services.yaml")
			blob := p.run(p.dir, "sh", "-c", "printf /etc/passwd | git hash-object -w --stdin")
			p.git("update-index", "--add", "--cacheinfo", "120000,"+blob+","+otherFolder+"/services.yaml")
			p.intrude(otherRun, digest, nil)
		}, repo.ErrOutside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := local(t)
			test.plant(p)
			pushed := p.pushed()
			if _, err := p.Apply(soon(t), deploy()); !errors.Is(err, test.want) {
				t.Errorf("%v", err)
			}
			if p.pushed() != pushed {
				t.Errorf("pushed:\n%s", p.run(p.remote, "git", "log", "--stat", "main"))
			}
		})
	}
}

// What is unpushed is observed with all that it changes, and pushed once it is approved.
func TestApplyPushesWhatWasApproved(t *testing.T) {
	t.Parallel()
	p := local(t)
	digest := strings.Repeat("1f", 32)
	first := p.intrude(otherRun, digest, map[string]string{otherFolder + "/services.yaml": "one\n",
		otherFolder + "/new": "new\n"})
	second := p.intrude(otherRun, digest, map[string]string{otherFolder + "/services.yaml": "two\n"})
	state, err := p.Observe(soon(t), "merche-biche.com")
	if err != nil {
		t.Fatal(err)
	}
	commit := func(hash string, files ...repo.FileChange) repo.Unpushed {
		return repo.Unpushed{Commit: hash, Author: author, Subject: "Deploy merche-biche.com", Own: true, Run: otherRun,
			Digest: digest, Files: files}
	}
	file := func(name string, before, after []byte) repo.FileChange {
		return repo.FileChange{Path: otherFolder + "/" + name, Mode: fs.FileMode(0o644), Before: before, After: after}
	}
	want := []repo.Unpushed{
		commit(second, file("services.yaml", []byte("one\n"), []byte("two\n"))),
		commit(first, file("new", nil, []byte("new\n")),
			file("services.yaml", []byte("domain: cocotte.com\n"), []byte("one\n"))),
	}
	if diff := cmp.Diff(want, state.Unpushed); diff != "" {
		t.Error(diff)
	}
	c := deploy()
	c.Unpushed = []string{second}
	refuses(t, p, c, repo.ErrUnapproved, p.git("rev-parse", "--short", first)+" of run "+otherRun)
	c.Unpushed = []string{first, second}
	if hash, err := p.Apply(soon(t), c); err != nil || p.pushed() != hash || p.git("rev-parse", hash+"^") != second {
		t.Errorf("%s, %v", hash, err)
	}
}

// What somebody stored under another object's name is not shown as that object.
func TestObserveChecksObjects(t *testing.T) {
	t.Parallel()
	p := local(t)
	p.intrude(otherRun, strings.Repeat("1f", 32), map[string]string{otherFolder + "/services.yaml": "evil\n"})
	blob := p.git("rev-parse", "HEAD:"+otherFolder+"/services.yaml")
	p.run(p.dir, "python3", "-c", `import sys, zlib
path = ".git/objects/%s/%s" % (sys.argv[1][:2], sys.argv[1][2:])
import os; os.chmod(path, 0o644)
open(path, "wb").write(zlib.compress(b"blob 5\0good\n"))`, blob)
	if state, err := p.Observe(soon(t), "merche-biche.com"); err == nil {
		t.Errorf("got %+v", state.Unpushed)
	}
}

// A deploy is bound to what git's names stand for, and not to what a replace ref shows in its
// place.
func TestSourcesIgnoreReplaceRefs(t *testing.T) {
	t.Parallel()
	p := local(t)
	tree := p.git("rev-parse", "HEAD:"+otherFolder)
	p.write(otherFolder+"/services.yaml", "evil\n")
	p.git("add", otherFolder)
	p.git("replace", tree, p.git("write-tree", "--prefix="+otherFolder))
	p.git("reset", "-q")
	if sources, err := p.Sources(soon(t), otherFolder, nil); !errors.Is(err, repo.ErrUncommitted) {
		t.Errorf("%+v, %v", sources, err)
	}
}
