package onboarding

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

// Change is what a step would do, exactly: approvers see it, the digest covers all of it, and
// applying it is carrying out its items in order and nothing else. The zero Change is empty:
// there is nothing left to do.
type Change struct {
	// Summary says in one line what happens, for people.
	Summary string `json:"summary"`
	Items   []Item `json:"items"`
}

// Empty reports whether there is nothing left to do.
func (c Change) Empty() bool { return len(c.Items) == 0 }

// Item is one action of a change; exactly one field is set.
type Item struct {
	SQL     *Transaction `json:"sql,omitempty"`
	DNS     *ZoneUpdate  `json:"dns,omitempty"`
	Command *Command     `json:"command,omitempty"`
	Commit  *Commit      `json:"commit,omitempty"`
	Probe   *Probe       `json:"probe,omitempty"`
}

// Transaction is a list of statements that take effect together or not at all, on the platform's
// database.
type Transaction struct {
	Statements []Statement `json:"statements"`
}

// Statement is SQL with its bound parameters, $1 first. Each must affect exactly one row.
type Statement struct {
	SQL  string   `json:"sql"`
	Args []string `json:"args"`
}

// ZoneUpdate is one update of a zone: record sets as they were, and as they will be. Whether it is
// atomic and conditional on what was there before is a promise of the dns.Publisher that makes it.
type ZoneUpdate struct {
	Zone string        `json:"zone"`
	Sets []RecordsEdit `json:"sets"`
}

// RecordsEdit replaces the records of one name and type. Values are in presentation form (RFC
// 1035 §5.1); none before means that the set must not exist.
type RecordsEdit struct {
	Name string `json:"name"`
	Type string `json:"type"`
	TTL  uint32 `json:"ttl"`
	// BeforeTTL is that of the set before, 0 where there was none.
	BeforeTTL uint32   `json:"before_ttl,omitempty"`
	Before    []string `json:"before"`
	After     []string `json:"after"`
}

// Command is a list of arguments that runs on a host. No shell on the bot's side interprets it.
type Command struct {
	Host  string   `json:"host"`
	Dir   string   `json:"dir,omitempty"`
	Argv  []string `json:"argv"`
	Stdin string   `json:"stdin,omitempty"`
	// Lock names the part of the host that the command needs for itself. The command holds the
	// lock, so the lock outlives a bot that dies.
	Lock string `json:"lock,omitempty"`
	// AlsoLock is what the command changes on another host, zero if there is nothing. No other
	// change may use it meanwhile.
	AlsoLock HostLock `json:"also_lock,omitzero"`
	// Sources are what the command runs and deploys from Dir, a work tree of git: the first is a
	// domain's folder, the others files that the command names. It runs only if all of them are
	// committed and still these.
	Sources []Source `json:"sources,omitempty"`
	// Always runs the command even after an earlier item failed, to clean up after it.
	Always bool `json:"always,omitempty"`
}

// HostLock names a part of a host that one change at a time may use.
type HostLock struct {
	Host string `json:"host"`
	Name string `json:"name"`
}

// Locks are what the command needs for itself while it runs.
func (c *Command) Locks() (list []HostLock) {
	if c.Lock != "" {
		list = append(list, HostLock{c.Host, c.Lock})
	}
	if c.AlsoLock != (HostLock{}) {
		list = append(list, c.AlsoLock)
	}
	return list
}

// Source is a file or folder of a work tree at its HEAD.
type Source struct {
	Path   string `json:"path"`
	Object string `json:"object"` // git's name of it, a SHA-1 or SHA-256 in lower-case hexadecimal
	// Ignored is a SHA-256 over the files in a folder that git ignores.
	Ignored string `json:"ignored,omitempty"`
}

// Commit writes files below one folder of the platform's repository and commits those alone.
type Commit struct {
	Folder  string       `json:"folder"`
	Subject string       `json:"subject"`
	Files   []FileChange `json:"files"`
	// Rebase says that the work tree is behind its remote: it gets the commits that others pushed,
	// and those of the bot that are not pushed yet are put on top of them.
	Rebase bool `json:"rebase,omitempty"`
	// Unpushed are the commits that the push publishes too, oldest first: others in the bot's name
	// which the work tree has and the remote does not.
	Unpushed []UnpushedCommit `json:"unpushed,omitempty"`
}

// UnpushedCommit is a commit in the bot's name which the work tree has and the remote does not.
// Whoever can commit in the work tree can make one, so its run and digest are what it claims.
type UnpushedCommit struct {
	Commit  string       `json:"commit"` // its full hash
	Subject string       `json:"subject"`
	Run     string       `json:"run"`
	Digest  Digest       `json:"digest"`
	Files   []FileChange `json:"files,omitempty"` // what it changes, but for what the change itself shows
}

// FileChange is one file of a commit. Before is nil for a new file, After is nil for a deleted
// one.
type FileChange struct {
	Path   string  `json:"path"`
	Mode   string  `json:"mode"` // of git: 100644 or 100755
	Before *string `json:"before"`
	After  *string `json:"after"`
	// Base64 says that Before and After are encoded (RFC 4648 §4), since one of them is not
	// UTF-8.
	Base64 bool `json:"base64,omitempty"`
}

// NewFileChange returns the change of one file. A nil content means that there is no file.
func NewFileChange(path, mode string, before, after []byte) FileChange {
	file := FileChange{Path: path, Mode: mode, Base64: !utf8.Valid(before) || !utf8.Valid(after)}
	encode := func(content []byte) *string {
		if content == nil {
			return nil
		}
		text := string(content)
		if file.Base64 {
			text = base64.StdEncoding.EncodeToString(content)
		}
		return &text
	}
	file.Before, file.After = encode(before), encode(after)
	return file
}

// Same reports whether another file is changed in the same way.
func (f FileChange) Same(other FileChange) bool { return reflect.DeepEqual(f, other) }

// Contents returns the decoded contents before and after, nil where there is no file.
func (f FileChange) Contents() (before, after []byte, err error) {
	if before, err = f.content(f.Before); err == nil {
		after, err = f.content(f.After)
	}
	return before, after, err
}

func (f FileChange) content(text *string) ([]byte, error) {
	switch {
	case text == nil:
		return nil, nil
	case !f.Base64:
		return []byte(*text), nil
	}
	content, err := base64.StdEncoding.DecodeString(*text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return content, nil
}

// Probe asks for one path of every name at every address over HTTP and goes on only if all answer
// with the body.
type Probe struct {
	Names     []string `json:"names"`
	Addresses []string `json:"addresses"`
	Path      string   `json:"path"`
	Body      string   `json:"body"`
}

// RestOf reports whether the change is what is left of another one whose application was cut
// short: its last items. A commit that was made for the other one may be unpushed; the repository
// pushes it only if it is what was approved.
func (c Change) RestOf(whole Change) bool {
	if c.Empty() || len(c.Items) > len(whole.Items) {
		return false
	}
	digest, err := whole.Digest()
	if err != nil {
		return false
	}
	rest := byPath(c.Items)
	for _, item := range rest {
		if item.Commit != nil {
			item.Commit.Unpushed = item.Commit.UnpushedBut(digest)
		}
	}
	return sameItems(rest, byPath(whole.Items[len(whole.Items)-len(c.Items):]))
}

// UnpushedBut returns the unpushed commits but for those that claim to be made for a change.
func (c *Commit) UnpushedBut(digest Digest) []UnpushedCommit {
	return slices.DeleteFunc(slices.Clone(c.Unpushed), func(u UnpushedCommit) bool { return u.Digest == digest })
}

// byPath returns the same items with the files of commits in the order of their paths. Commits are
// copies.
func byPath(items []Item) []Item {
	items = slices.Clone(items)
	for i, item := range items {
		if item.Commit != nil {
			commit := *item.Commit
			commit.Files = slices.SortedFunc(slices.Values(commit.Files),
				func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
			items[i].Commit = &commit
		}
	}
	return items
}

func sameItems(a, b []Item) bool {
	_, one, err := Change{Items: a}.Canonical()
	_, other, otherErr := Change{Items: b}.Canonical()
	return err == nil && otherErr == nil && one == other
}

// Digest is the SHA-256 of a change in canonical form (RFC 8785), in lower-case hexadecimal.
type Digest string

// Short is the digest's first twelve digits, for people.
func (d Digest) Short() string { return string(d[:min(12, len(d))]) }

// Canonical returns the change's canonical form and its digest. The form is stored, so the digest
// can be verified later. A change with text that is not valid UTF-8 has no digest: JSON cannot
// hold such text (RFC 8259 §8.1), so different changes would have the same one.
func (c Change) Canonical() ([]byte, Digest, error) {
	if invalid, found := invalidText(reflect.ValueOf(c)); found {
		return nil, "", fmt.Errorf("change: %w: %q", ErrNotUTF8, invalid[:min(len(invalid), 80)])
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, "", fmt.Errorf("change: %w", err)
	}
	form, err := jcs.Transform(plain)
	if err != nil {
		return nil, "", fmt.Errorf("change: %w", err)
	}
	sum := sha256.Sum256(form)
	return form, Digest(hex.EncodeToString(sum[:])), nil
}

// ErrNotUTF8 says that a change has text that is not valid UTF-8.
var ErrNotUTF8 = errors.New("text is not valid UTF-8")

// invalidText returns the first text within a value that is not valid UTF-8.
func invalidText(value reflect.Value) (text string, found bool) {
	switch value.Kind() {
	case reflect.String:
		return value.String(), !utf8.ValidString(value.String())
	case reflect.Pointer:
		if !value.IsNil() {
			return invalidText(value.Elem())
		}
	case reflect.Slice:
		for i := range value.Len() {
			if text, found := invalidText(value.Index(i)); found {
				return text, true
			}
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if text, found := invalidText(value.Field(i)); found {
				return text, true
			}
		}
	}
	return "", false
}

// Digest returns the digest that an approval of this change is bound to.
func (c Change) Digest() (Digest, error) {
	_, digest, err := c.Canonical()
	return digest, err
}

// ParseChange reads a stored change back and checks it against the digest that was stored beside
// it.
func ParseChange(form []byte, want Digest) (Change, error) {
	var change Change
	if err := json.Unmarshal(form, &change); err != nil {
		return Change{}, fmt.Errorf("stored change: %w", err)
	}
	got, err := change.Digest()
	if err != nil {
		return Change{}, err
	}
	if got != want {
		return Change{}, fmt.Errorf("stored change has digest %s, its row says %s", got.Short(), want.Short())
	}
	return change, nil
}
