package runbook_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
)

const mercheFolder = "deployments/@domains/merche-biche.com"

// write changes a file of the work tree.
func (w *fixture) write(name, content string) {
	w.t.Helper()
	name = filepath.Join(w.Repo.Repo, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *fixture) read(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(w.Repo.Repo, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

// commit commits a change of somebody else's and pushes it.
func (w *fixture) commit() {
	w.t.Helper()
	w.git("add", "--all")
	w.git("commit", "--quiet", "--message=By hand")
	w.git("push", "--quiet")
}

// edits are the lines that the change of a commit adds and removes.
func edits(t *testing.T, change onboarding.Change) []string {
	t.Helper()
	var lines []string
	for _, file := range change.Items[0].Commit.Files {
		before, after, err := file.Contents()
		if err != nil {
			t.Fatal(err)
		}
		old, fresh := strings.Split(string(before), "\n"), strings.Split(string(after), "\n")
		for _, line := range old {
			if !strings.Contains("\n"+string(after)+"\n", "\n"+line+"\n") {
				lines = append(lines, filepath.Base(file.Path)+" -"+line)
			}
		}
		for _, line := range fresh {
			if !strings.Contains("\n"+string(before)+"\n", "\n"+line+"\n") {
				lines = append(lines, filepath.Base(file.Path)+" +"+line)
			}
		}
	}
	return lines
}

func TestDeployConfig(t *testing.T) {
	w := newFixture(t, nil)
	const key = onboarding.Key("deploy-config/merche-biche.com")
	run := w.newRun(merche("merche-biche.com"))
	t.Run("copied and edited", func(t *testing.T) {
		w := w.in(t)
		w.do(run, key)
		template := w.read("deployments/@domains/_template/{provider}.com/services.yaml")
		want := strings.NewReplacer("{provider}.com", "merche-biche.com").Replace(template)
		if diff := cmp.Diff(want, w.read(mercheFolder+"/services.yaml")); diff != "" {
			t.Errorf("services.yaml (-want +got)\n%s", diff)
		}
		if !strings.Contains(w.read(mercheFolder+"/deploy.sh"),
			`REMOTE_NGINX_CONF="/etc/nginx/sites-available/merche-biche"`) {
			t.Error(w.read(mercheFolder + "/deploy.sh"))
		}
		digest := w.git("log", "-1", "--format=%(trailers:key=Digest,valueonly)")
		want = "Add the deploy config of merche-biche.com\n\nRequester: Adax (U1)\nApprover: Bob (U2)\nRun: " +
			run.ID.String() + "\nDigest: " + digest
		if diff := cmp.Diff(want, w.git("log", "-1", "--format=%B")); diff != "" || len(digest) != 64 {
			t.Errorf("message (-want +got)\n%s", diff)
		}
		if ahead := w.git("log", "origin/main..main"); ahead != "" {
			t.Errorf("not pushed: %s", ahead)
		}
	})
	t.Run("what came since stays", func(t *testing.T) {
		w := w.in(t)
		w.write(mercheFolder+"/services.yaml", strings.Replace(w.read(mercheFolder+"/services.yaml"),
			"held_back: true", "held_back: false", 1)+"\nextra: theirs\n")
		w.commit()
		w.checkDone(key, w.observe(run, key))
	})
	t.Run("drift", func(t *testing.T) {
		w := w.in(t)
		w.write(mercheFolder+"/services.yaml", strings.Replace(w.read(mercheFolder+"/services.yaml"),
			"  - \"www.merche-biche.com\"\n", "  - shop.example\n", 1))
		w.write(mercheFolder+"/nginx/prod.conf", strings.Replace(w.read(mercheFolder+"/nginx/prod.conf"),
			"root /var/www/merche-biche.com", "root /srv/old", 1))
		w.commit()
		want := []string{"prod.conf -\troot /srv/old;", "prod.conf +\troot /var/www/merche-biche.com;",
			"services.yaml +  - www.merche-biche.com"}
		if diff := cmp.Diff(want, edits(t, w.do(run, key))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("a push that failed", func(t *testing.T) {
		w := w.in(t)
		w.write(mercheFolder+"/deploy.sh",
			strings.Replace(w.read(mercheFolder+"/deploy.sh"), "/var/www/merche-biche.com", "/srv/old", 1))
		w.commit()
		if err := os.Rename(w.Repo.Origin, w.Repo.Origin+".away"); err != nil {
			t.Fatal(err)
		}
		if err := w.apply(run, key, w.observe(run, key).Change); err == nil {
			t.Error("it was pushed to nowhere")
		}
		if err := os.Rename(w.Repo.Origin+".away", w.Repo.Origin); err != nil {
			t.Fatal(err)
		}
		commits := w.git("rev-list", "--count", "main")
		if change := w.do(run, key); !strings.HasPrefix(change.Summary, "Push the commit") {
			t.Errorf("got %+v", change)
		}
		if ahead := w.git("log", "origin/main..main"); ahead != "" || w.git("rev-list", "--count", "main") != commits {
			t.Errorf("not pushed, or committed twice: %s", ahead)
		}
	})
	t.Run("conflicts", func(t *testing.T) {
		w := w.in(t)
		w.write("deployments/@domains/merche-biche.shop/site/index.html", "Somebody's work")
		if got := w.conflict(w.newRun(merche("merche-biche.shop")),
			"deploy-config/merche-biche.shop"); !strings.Contains(got,
			"merche-biche.shop/site/index.html is in the work tree and not committed") {
			t.Errorf("got %q", got)
		}
		w.write("deployments/@domains/merche-biche.shop/services.yaml",
			"domain: other.example\nfeature: provider-site\n")
		w.write("deployments/@domains/merche-biche.shop/deploy.sh", "REMOTE_DEST=/x\nREMOTE_NGINX_CONF=/y\n")
		w.write("deployments/@domains/merche-biche.shop/nginx/prod.conf",
			"server { server_name other.example; root /x; }\n")
		w.write("deployments/@domains/merche.co.com/services.yaml", "domain: merche.co.com\n")
		w.commit()
		for domain, want := range map[string]string{
			"merche-biche.shop": "The folder is that of other.example.",
			"merche.co":         "There is a deploy folder merche.co.com beside merche.co.",
		} {
			_, err := w.runbook.Observe(t.Context(), w.newRun(merche(domain)), onboarding.Key("deploy-config/"+domain))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", domain, err)
			}
		}
	})
	t.Run("deployed", func(t *testing.T) {
		w := w.in(t)
		for domain, want := range map[string]bool{
			"merche-biche.com": true, "cocotte.com": true, "transquinnftw.com": true, "shop.example": true,
			"fresh.example": false,
		} {
			if got, err := w.runbook.Deployed(t.Context(), domain); err != nil || got != want {
				t.Errorf("%s: %t, %v", domain, got, err)
			}
		}
	})
	t.Run("the embedded template", func(t *testing.T) {
		w := w.in(t)
		w.git("rm", "-r", "--quiet", "deployments/@domains/_template")
		w.commit()
		run := w.newRun(merche("merche.example"))
		w.do(run, "deploy-config/merche.example")
		if w.git("ls-files", "-s", "deployments/@domains/merche.example/deploy.sh")[:6] != "100755" {
			t.Error("deploy.sh cannot be executed")
		}
	})
}
