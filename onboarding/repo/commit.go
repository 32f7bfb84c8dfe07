package repo

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// FileChange is one file before and after. A nil content means that there is no such file; an
// empty one is not nil.
type FileChange struct {
	Path   string      // relative to the work tree
	Mode   fs.FileMode // after: 0644 or 0755
	Before []byte
	After  []byte
}

// The trailers that every commit of this program has: the run, a UUID, the digest of what was
// approved, a SHA-256 in lower-case hexadecimal, and who asked for it and approved it.
const (
	TrailerRun       = "Run"
	TrailerDigest    = "Digest"
	TrailerRequester = "Requester"
	TrailerApprover  = "Approver"
)

// Trailer is a line at the end of a commit's message, git-interpret-trailers(1).
type Trailer struct {
	Key   string // letters, digits and dashes
	Value string // one line
}

// Commit is one change to one domain's folder.
type Commit struct {
	Folder   string // Repo.Folder of the domain; all files are in it
	Files    []FileChange
	Subject  string // one line
	Body     string // may be empty
	Trailers []Trailer
	// Rebase says that the work tree gets what the remote has first, and that commits which are
	// not pushed yet are put on top of it.
	Rebase bool
	// Unpushed are the unpushed commits that the push may publish beside this one, by their full
	// hashes. All others are refused, but for the one that an earlier call made of this commit: it
	// has the same subject, the same trailers of these names, and the same files.
	Unpushed []string
	// Output is told every line that git, its hooks and the remote print. It may be nil.
	Output func(line string)
	// Fence and Waiting are those of the command on the host.
	Fence   hosts.Fence
	Waiting func(hosts.Taken)
}

// What Apply can fail with, besides what the host's commands fail with. The sentence in the error
// says what to do.
var (
	// ErrOutside: the change would reach outside its folder, or the commit as made did. Nothing
	// was pushed.
	ErrOutside = errors.New("outside the domain's folder")
	// ErrDrift: a file is neither what the change was made from nor what it makes. Nothing was
	// written.
	ErrDrift = errors.New("the file has changed since")
	// ErrBranch: another branch is checked out, or a merge or rebase is under way. Nothing was
	// written.
	ErrBranch = errors.New("work tree is not on its branch")
	// ErrLocked: git's index.lock is there. Nothing was written.
	ErrLocked = errors.New("git index is locked")
	// ErrForeign: a push would publish commits of others that are not on the remote yet. Nothing
	// was written.
	ErrForeign = errors.New("unpushed commits of others")
	// ErrUnapproved: a push would publish commits in this program's name that [Commit.Unpushed]
	// does not name. Nothing was written, unless the commit's own is among them.
	ErrUnapproved = errors.New("unpushed commits that nobody approved with this change")
	// ErrUnsigned: a push would publish commits in this program's name that are not signed with
	// its key. Nothing was written.
	ErrUnsigned = errors.New("unpushed commits without the bot's signature")
	// ErrRefused: git or a hook refused the commit, a hook altered it, or git would store other
	// bytes or modes than those that were approved. The files are written, nothing is committed.
	ErrRefused = errors.New("commit refused")
	// ErrBehind: the remote has commits that are missing here. The commit is made and not pushed.
	// With [Commit.Rebase] it is put on top of them.
	ErrBehind = errors.New("remote is ahead")
	// ErrConflict: the remote has changes of the same files, or the work tree has changes of files
	// that the remote changed. No commit is made.
	ErrConflict = errors.New("remote has other changes")
	// ErrPush: the remote failed for another reason. What was committed is not pushed.
	ErrPush = errors.New("push failed")
)

// failures are the exit statuses of apply.sh.
var failures = map[int]struct {
	err    error
	advice string
}{
	81: {ErrOutside, "a path leads through a symbolic link or is not a file"},
	82: {ErrDrift, "look at what changed, then ask again"},
	83: {ErrBranch, "check out the branch, or finish what is under way, then retry"},
	84: {ErrLocked, "another git command is at work or was killed; if none runs there, remove the file, then retry"},
	85: {ErrForeign, "push them or remove them from the branch, then retry"},
	86: {ErrRefused, "do what the hook says, then retry"},
	87: {ErrRefused, "a hook altered the commit, which was undone; then retry"},
	88: {ErrBehind, "retry: the commit exists, and is put on top of them once that is approved"},
	89: {ErrPush, "make sure that the remote can be reached and accepts the push, then retry: " +
		"the commit exists and will only be pushed"},
	98: {ErrUnsigned, "find out who made them, remove them from the branch, then retry"},
	99: {ErrUnapproved, "retry: the next request shows them. If nobody knows them, remove them from the branch first"},
	90: {ErrOutside, "an unpushed commit of this program touches more than domains' folders: " +
		"check it before anything is pushed"},
	91: {ErrPush, "make sure that the remote can be reached and has the branch, then retry: nothing is written yet"},
	92: {ErrRefused, "an attribute or filter of the repository changes the file: exempt it in .gitattributes, " +
		"such as with -text -ident -filter, then retry"},
	93: {ErrConflict, "both changed this file: pull with rebase in the work tree, then retry"},
	94: {ErrConflict, "commit or stash what is changed in the work tree, then retry"},
}

// commitHash is a full SHA-1 or SHA-256 object name.
var commitHash = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// IsObject reports whether a text is git's full name of an object.
func IsObject(name string) bool { return commitHash.MatchString(name) }

//go:embed apply.sh
var applyScript string

// Apply makes the commit and pushes it where a remote is configured, and returns the hash of the
// commit that has the files. Where HEAD has them already it only pushes what is unpushed. It may
// be called again after any failure.
func (r *Repo) Apply(ctx context.Context, c Commit) (hash string, err error) {
	if err := r.checkCommit(c); err != nil {
		return "", fmt.Errorf("repo: %w", err)
	}
	archive, err := c.archive()
	if err != nil {
		return "", fmt.Errorf("repo: %w", err)
	}
	rebase := ""
	if c.Rebase && r.config.Remote != "" {
		rebase = "rebase"
	}
	result, err := r.host.Run(ctx, hosts.Command{
		Argv: []string{"bash", "-c", applyScript, "onboardbot", r.config.Branch, r.config.Remote, r.config.DomainsDir,
			rebase, r.config.Sign, strings.Join(c.Unpushed, " ")},
		Dir: r.config.Dir,
		Env: map[string]string{
			"GIT_AUTHOR_NAME": r.author.Name, "GIT_AUTHOR_EMAIL": r.author.Address,
			"GIT_COMMITTER_NAME": r.author.Name, "GIT_COMMITTER_EMAIL": r.author.Address,
		},
		Stdin: archive, Lock: lock, Fence: c.Fence, Waiting: c.Waiting, Timeout: r.config.Timeout,
	}, func(line hosts.Line) {
		if c.Output != nil {
			c.Output(line.Text)
		}
	})
	var exit *hosts.ExitError
	switch {
	case errors.As(err, &exit) && failures[exit.Code].err != nil:
		failure := failures[exit.Code]
		return "", fmt.Errorf("repo: %w: %s (%s)", failure.err, reasons(result.Last(keptLines, 0)), failure.advice)
	case errors.As(err, &exit): // without the text of the script
		return "", fmt.Errorf("repo: commit %q: exit status %d: %s", c.Subject, exit.Code, exit.Tail)
	case err != nil:
		return "", fmt.Errorf("repo: commit %q: %w", c.Subject, err)
	}
	for _, line := range slices.Backward(result.Last(keptLines, 0)) {
		if commitHash.MatchString(line) {
			return line, nil
		}
	}
	return "", fmt.Errorf("repo: commit %q: the host did not say which commit it made: %s", c.Subject, result.Text())
}

// archive is the commit as apply.sh reads it from its standard input.
func (c Commit) archive() ([]byte, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	put := func(name string, mode fs.FileMode, content []byte) error {
		header := &tar.Header{Name: name, Mode: int64(mode), Size: int64(len(content)), Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	var paths bytes.Buffer
	for _, file := range c.Files {
		paths.WriteString(file.Path + "\x00")
		if file.Before != nil {
			if err := put("before/"+file.Path, 0o600, file.Before); err != nil {
				return nil, err
			}
		}
		if file.After != nil {
			if err := put("after/"+file.Path, file.Mode.Perm(), file.After); err != nil {
				return nil, err
			}
		}
	}
	if err := put("paths", 0o600, paths.Bytes()); err != nil {
		return nil, err
	}
	// The last entry: where it is, the archive came whole.
	if err := put("message", 0o600, []byte(c.message())); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

func (c Commit) message() string {
	var b strings.Builder
	b.WriteString(c.Subject + "\n")
	if c.Body != "" {
		b.WriteString("\n" + strings.TrimSpace(c.Body) + "\n")
	}
	if len(c.Trailers) > 0 {
		b.WriteString("\n")
	}
	for _, trailer := range c.Trailers {
		b.WriteString(trailer.Key + ": " + trailer.Value + "\n")
	}
	return b.String()
}

var trailerKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

func checkMessage(c Commit) error {
	if strings.TrimSpace(c.Subject) == "" || !printable(c.Subject) {
		return fmt.Errorf("subject %q is not one line of text", c.Subject)
	}
	for line := range strings.SplitSeq(c.Body, "\n") {
		if !printable(line) {
			return fmt.Errorf("body line %q is not text", line)
		}
	}
	for _, trailer := range c.Trailers {
		if !trailerKey.MatchString(trailer.Key) || strings.TrimSpace(trailer.Value) == "" ||
			!printable(trailer.Value) {
			return fmt.Errorf("trailer %q: %q is not one line of text", trailer.Key, trailer.Value)
		}
	}
	return nil
}

func printable(line string) bool {
	return utf8.ValidString(line) && !strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) })
}
