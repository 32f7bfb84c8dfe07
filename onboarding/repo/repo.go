package repo

import (
	"context"
	"fmt"
	"net/mail"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// lock is what every change to the work tree holds on the host.
const lock = "repo"

// Repo is the platform's repository. It is safe for concurrent use.
type Repo struct {
	host   *hosts.Host
	config Config
	author *mail.Address
}

// New checks the configuration, with its defaults filled in, and connects to nothing yet.
func New(host *hosts.Host, config Config) (*Repo, error) {
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	author, err := mail.ParseAddress(config.Author)
	if err != nil {
		return nil, fmt.Errorf("repo: author: %w", err)
	}
	return &Repo{host, config, author}, nil
}

// Folder is a domain's deploy folder, relative to the work tree.
func (r *Repo) Folder(domain string) string { return path.Join(r.config.DomainsDir, domain) }

// Subject is the first line of a commit, from what the commit does.
func (r *Repo) Subject(does string) string { return r.config.subject(does) }

// Host is where the repository lives.
func (r *Repo) Host() *hosts.Host { return r.host }

// Dir is the work tree on the host.
func (r *Repo) Dir() string { return r.config.Dir }

// Settle has the host refuse commits of earlier holders of the fence's key, and waits until
// nothing changes the work tree any more: see [hosts.Host.Settle].
func (r *Repo) Settle(ctx context.Context, fence hosts.Fence, waiting func(hosts.Taken)) error {
	if err := r.host.Settle(ctx, lock, fence, waiting); err != nil {
		return fmt.Errorf("repo: %w", err)
	}
	return nil
}

// Domains lists the folders of DomainsDir in the work tree: the domains that are deployed or about
// to be.
func (r *Repo) Domains(ctx context.Context) ([]string, error) {
	out, err := r.host.Output(ctx, hosts.Command{
		Dir: r.config.Dir,
		Argv: []string{"find", "./" + r.config.DomainsDir, "-mindepth", "1", "-maxdepth", "1", "-type", "d",
			"-printf", `%f\0`},
	})
	if err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	names := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	return names, nil
}
