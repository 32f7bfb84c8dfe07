package runbook_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// TestRemoteIsAhead pushes something else to the remote before a commit of the bot.
func TestRemoteIsAhead(t *testing.T) {
	w := newFixture(t, nil)
	t.Run("the bot puts its commit on top", func(t *testing.T) { w.in(t).onTop(t) })
	t.Run("a person pulls with rebase", func(t *testing.T) { w.in(t).pulled(t) })
	t.Run("cut short before the push", func(t *testing.T) { w.in(t).notPushed(t) })
	t.Run("another run is cancelled", func(t *testing.T) { w.in(t).cancelled(t) })
}

// cancelled leaves the commit of a run that was cancelled before its push. The next commit of
// another run publishes it only after its approvers were shown what it has.
func (w *fixture) cancelled(t *testing.T) {
	first, step := w.newRun(merche("merche-est.com")), key("deploy-config", "merche-est.com")
	second, other := w.newRun(merche("merche-ouest.com")), key("deploy-config", "merche-ouest.com")
	asked := w.observe(second, other).Change
	change := w.observe(first, step).Change
	if err := os.Rename(w.Repo.Origin, w.Repo.Origin+".away"); err != nil {
		t.Fatal(err)
	}
	err := w.apply(first, step, change)
	if err := os.Rename(w.Repo.Origin+".away", w.Repo.Origin); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, repo.ErrPush) {
		t.Fatal(err)
	}
	pushed := w.pushed()
	if err := w.apply(second, other, asked); !errors.Is(err, onboarding.ErrTargetChanged) || w.pushed() != pushed ||
		!strings.Contains(err.Error(), "of run "+first.ID.String()) {
		t.Errorf("what was approved before: %v", err)
	}
	again := w.observe(second, other).Change
	others := again.Items[0].Commit.Unpushed
	if len(others) != 1 || others[0].Run != first.ID.String() ||
		len(others[0].Files) != len(change.Items[0].Commit.Files) {
		t.Errorf("pushed too: %+v", others)
	}
	w.do(second, other)
	if head := w.git("rev-parse", "HEAD"); head != w.pushed() {
		t.Errorf("the remote has %s, not %s", w.pushed(), head)
	}
}

// meanwhile pushes a commit of somebody else to the remote and returns it.
func (w *fixture) meanwhile(t *testing.T) string {
	t.Helper()
	clone := filepath.Join(t.TempDir(), "clone")
	for _, args := range [][]string{
		{"clone", "-q", w.Repo.Origin, clone},
		{"-C", clone, "-c", "user.name=R", "-c", "user.email=r@example.com", "commit", "-q", "--allow-empty", "-m",
			"Meanwhile"},
		{"-C", clone, "push", "-q"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return w.pushed()
}

// pushed is the remote's commit.
func (w *fixture) pushed() string { return w.git("ls-remote", "origin", "refs/heads/main")[:40] }

// refused applies the deploy config of a new run while the remote is ahead.
func (w *fixture) refused(t *testing.T, domain string) (*onboarding.Run, onboarding.Change, string) {
	t.Helper()
	run := w.newRun(merche(domain))
	step := key("deploy-config", domain)
	change := w.observe(run, step).Change
	theirs := w.meanwhile(t)
	err := w.apply(run, step, change)
	if !errors.Is(err, repo.ErrBehind) || !strings.Contains(err.Error(), "by R: Meanwhile") {
		t.Fatalf("error = %v", err)
	}
	return run, change, theirs
}

func (w *fixture) onTop(t *testing.T) {
	run, change, theirs := w.refused(t, "merche-biche.com")
	step := key("deploy-config", "merche-biche.com")
	again := w.observe(run, step).Change
	if again.Empty() || !again.Items[0].Commit.Rebase || again.RestOf(change) ||
		again.Summary != "Push the commit: Add the deploy config of merche-biche.com" {
		t.Fatalf("got %+v", again)
	}
	w.do(run, step)
	if others := again.Items[0].Commit.Unpushed; len(others) != 1 || others[0].Run != run.ID.String() ||
		len(others[0].Files) != 0 {
		t.Errorf("pushed too: %+v", others)
	}
	if head := w.git("rev-parse", "HEAD"); head != w.pushed() || w.git("rev-parse", "HEAD^") != theirs {
		t.Errorf("the remote has %s, not %s", w.pushed(), head)
	}
	w.do(run, key("go-live", "merche-biche.com"))
}

// pulled plays what people did before the bot could: they are the committer then, and for seven
// retries the step was done though the remote had nothing.
func (w *fixture) pulled(t *testing.T) {
	run, change, _ := w.refused(t, "merche-sud.com")
	step := key("deploy-config", "merche-sud.com")
	w.git("pull", "--quiet", "--rebase")
	for retry := range 7 {
		again := w.observe(run, step).Change
		if again.Empty() || !again.RestOf(change) {
			t.Fatalf("retry %d: %+v", retry, again)
		}
	}
	w.do(run, step)
	if head := w.git("rev-parse", "HEAD"); head != w.pushed() {
		t.Errorf("the remote has %s, not %s", w.pushed(), head)
	}
	w.do(run, key("go-live", "merche-sud.com"))
}

// notPushed leaves the state of a process that was killed between its commit and its push: what is
// left is the change that was approved.
func (w *fixture) notPushed(t *testing.T) {
	run := w.newRun(merche("merche-nord.com"))
	for _, kind := range []string{"deploy-config", "go-live"} {
		step := key(kind, "merche-nord.com")
		change := w.observe(run, step).Change
		if err := os.Rename(w.Repo.Origin, w.Repo.Origin+".away"); err != nil {
			t.Fatal(err)
		}
		err := w.apply(run, step, change)
		if err := os.Rename(w.Repo.Origin+".away", w.Repo.Origin); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(err, repo.ErrPush) {
			t.Fatalf("error = %v", err)
		}
		if rest := w.observe(run, step).Change; !rest.RestOf(change) {
			t.Errorf("%s: left of it is %+v", kind, rest)
		}
		w.do(run, step)
		if head := w.git("rev-parse", "HEAD"); head != w.pushed() {
			t.Errorf("the remote has %s, not %s", w.pushed(), head)
		}
	}
}
