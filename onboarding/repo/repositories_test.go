package repo_test

import (
	"path/filepath"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/repo"
)

// move works in another clone or work tree.
func (p *platform) move(dir string) {
	p.t.Helper()
	var err error
	if p.Repo, err = repo.New(p.Host(), repo.Config{Dir: dir, Remote: "origin", Author: author}); err != nil {
		p.t.Fatal(err)
	}
	p.dir = dir
}

func TestApplyInOtherRepositories(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *platform){
		"linked work tree": func(p *platform) {
			p.git("checkout", "-q", "--detach")
			linked := filepath.Join(p.t.TempDir(), "linked")
			p.git("worktree", "add", "-q", linked, "main")
			p.move(linked)
		},
		"sparse": func(p *platform) {
			p.git("sparse-checkout", "set", "deployments/@domains/cocotte.com")
		},
		"submodule in the folder": func(p *platform) {
			sub := filepath.Join(p.t.TempDir(), "sub")
			p.run(p.dir, "git", "clone", "-q", p.remote, sub)
			p.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", sub, folder+"/theme")
			p.git("commit", "-qm", "Add a theme")
			p.git("push", "-q", "origin", "main")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := local(t)
			change(p)
			hash, err := p.Apply(soon(t), deploy())
			if err != nil {
				t.Fatal(err)
			}
			if p.pushed() != hash {
				t.Error("not pushed")
			}
			state, err := p.Observe(soon(t), "merche-biche.com")
			if err != nil || len(state.Committed) != len(deploy().Files) || len(state.Unpushed) != 0 || state.Behind {
				t.Errorf("%+v, %v", state, err)
			}
			sources, err := p.Sources(soon(t), folder, []string{"./run"})
			if err != nil || len(sources) != 1 || sources[0].Object != p.git("rev-parse", hash+":"+folder) {
				t.Errorf("%+v, %v", sources, err)
			}
		})
	}
}
