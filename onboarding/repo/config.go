package repo

import (
	"cmp"
	"errors"
	"fmt"
	"net/mail"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Config says where the repository is and how commits are made.
type Config struct {
	// Dir is the work tree on the host, absolute or under ~/. Required.
	Dir string `yaml:"dir"`
	// Branch is the one that must be checked out, and that is pushed. Default: main.
	Branch string `yaml:"branch"`
	// Remote is the name of the git remote to push to. Empty: commits stay in Dir.
	Remote string `yaml:"remote"`
	// Author is author and committer of every commit, as in "Onboarding <onboarding@example.com>".
	// Nobody else may use its address: by it, and by trailers, commits of this program are told
	// from others. Required.
	Author string `yaml:"author"`
	// Subject is a pattern for the first line of commits. {Subject} stands for what the commit
	// does, such as "Put merche-biche.com live", and {subject} for the same with a small first
	// letter. Default: {Subject}.
	Subject string `yaml:"subject"`
	// Sign is the key on the host that commits are signed with: the file of an SSH key, absolute
	// or under ~/, or the fingerprint or ID of an OpenPGP key, in hexadecimal. git(1) there must
	// be able to use it without asking anybody. Default: commits are not signed.
	Sign string `yaml:"sign"`
	// DomainsDir holds a folder for each domain, relative to Dir. Default: deployments/@domains.
	DomainsDir string `yaml:"domains_dir"`
	// Template is the folder in DomainsDir that is copied for a new domain. Default:
	// _template/{provider}.com.
	Template string `yaml:"template"`
	// Timeout limits one commit with its hooks and its push. Default: 5m.
	Timeout time.Duration `yaml:"timeout"`
}

// WithDefaults returns the configuration with every unset field at its default.
func (c Config) WithDefaults() Config {
	for field, standard := range map[*string]string{
		&c.Branch: "main", &c.DomainsDir: "deployments/@domains", &c.Template: "_template/{provider}.com",
		&c.Subject: "{Subject}",
	} {
		if *field == "" {
			*field = standard
		}
	}
	c.Timeout = cmp.Or(c.Timeout, 5*time.Minute)
	return c
}

var (
	branchName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+-]*$`)
	openPGPKey = regexp.MustCompile(`^(0x)?[0-9A-Fa-f]{8,64}!?$`)
	remoteName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

// Validate reports every problem at once, each with the field's name in YAML.
func (c Config) Validate() error {
	var problems []error
	complain := func(field, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if c.Dir == "" {
		complain("dir", "is missing: where the work tree is on the host, such as ~/platform")
	} else if !strings.HasPrefix(c.Dir, "/") && !strings.HasPrefix(c.Dir, "~/") {
		complain("dir", "%q is neither absolute nor under ~/", c.Dir)
	}
	if !branchName.MatchString(c.Branch) || strings.Contains(c.Branch, "..") {
		complain("branch", "%q is not a branch name", c.Branch)
	}
	if c.Remote != "" && !remoteName.MatchString(c.Remote) {
		complain("remote", "%q is not the name of a remote such as origin", c.Remote)
	}
	if c.Author == "" {
		complain("author", "is missing: the author of the bot's commits, such as Onboarding <onboarding@example.com>")
	} else if address, err := mail.ParseAddress(c.Author); err != nil || address.Name == "" {
		complain("author", "%q is not of the form Name <address>", c.Author)
	}
	if subject := c.subject("x"); subject == c.Subject || !printable(subject) || strings.TrimSpace(subject) != subject {
		complain("subject", "%q is not one line of text with {subject} or {Subject}", c.Subject)
	}
	if c.Sign != "" && !strings.HasPrefix(c.Sign, "/") && !strings.HasPrefix(c.Sign, "~/") &&
		!openPGPKey.MatchString(c.Sign) {
		complain("sign", "%q is neither the file of an SSH key, absolute or under ~/, nor the fingerprint of an "+
			"OpenPGP key", c.Sign)
	}
	if err := checkPath(c.DomainsDir); err != nil {
		complain("domains_dir", "%v", err)
	}
	if err := checkPath(c.Template); err != nil {
		complain("template", "%v", err)
	}
	if c.Timeout < time.Second {
		complain("timeout", "%v is less than 1s", c.Timeout)
	}
	return errors.Join(problems...)
}

// subject is the first line of a commit that does something.
func (c Config) subject(does string) string {
	first, size := utf8.DecodeRuneInString(does)
	return strings.NewReplacer("{Subject}", does, "{subject}", string(unicode.ToLower(first))+does[size:]).
		Replace(c.Subject)
}

// templateDir is the template's folder relative to the work tree.
func (c Config) templateDir() string { return path.Join(c.DomainsDir, c.Template) }
