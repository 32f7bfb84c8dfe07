package repo

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Unpushed is a commit that is on the branch here and not on the remote.
type Unpushed struct {
	Commit  string
	Author  string // name and address
	Subject string
	// Own says that this program made the commit, or somebody in its name: it is the author, the
	// commit names the run and the digest of what was approved, and it touches files of domains'
	// folders alone. A rebase keeps all that, and makes whoever rebases the committer.
	Own bool
	// Run and Digest are those of its trailers, and Files what it changes, as git stores it. They
	// are those of the newest [MaxUnpushed] commits of this program's address; older ones are not
	// its own.
	Run    string
	Digest string
	Files  []FileChange
}

// MaxUnpushed is how many unpushed commits one push may publish.
const MaxUnpushed = 20

var (
	runID  = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	digest = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// addCommit reads a commit that the branch and the remote do not share. apply.sh judges in the
// same way whose it is.
func (r *Repo) addCommit(state *State, entry string) error {
	fields := strings.SplitN(entry, "\t", 8) // side commit parents address run digest author subject
	if len(fields) != 8 {
		return fmt.Errorf("unexpected commit %q", entry)
	}
	if fields[0] == "<" {
		state.Behind = true
		return nil
	}
	commit := Unpushed{Commit: fields[1], Author: fields[6], Subject: fields[7]}
	if !strings.Contains(fields[2], " ") && fields[3] == r.author.Address && runID.MatchString(fields[4]) &&
		digest.MatchString(fields[5]) {
		commit.Run, commit.Digest = fields[4], fields[5]
	}
	state.Unpushed = append(state.Unpushed, commit)
	return nil
}

// addChanges reads what unpushed commits change, as the function changed of state.sh prints it.
func (r *Repo) addChanges(state *State, out []byte) (rest []byte, err error) {
	prefix, out, _ := bytes.Cut(out, []byte{0})
	for {
		entries, after := list(out)
		if out = after; len(entries) == 0 {
			return out, nil
		}
		i := slices.IndexFunc(state.Unpushed, func(u Unpushed) bool { return u.Commit == entries[0] })
		if i < 0 {
			return nil, fmt.Errorf("unexpected commit %q", entries[0])
		}
		commit := &state.Unpushed[i]
		commit.Own = commit.Run != ""
		for entry := range slices.Chunk(entries[1:], 2) { // :MODE MODE OBJECT OBJECT STATUS, PATH
			fields := strings.Fields(entry[0])
			if len(entry) != 2 || len(fields) != 5 {
				return nil, fmt.Errorf("unexpected change %q", entry)
			}
			file := FileChange{Mode: FileMode(fields[1])}
			if file.Before, out, err = content(out, fields[2]); err == nil {
				file.After, out, err = content(out, fields[3])
			}
			if err != nil {
				return nil, fmt.Errorf("%s of %s: %w", entry[1], commit.Commit, err)
			}
			var inside bool
			file.Path, inside = strings.CutPrefix(entry[1], strings.TrimSuffix(string(prefix), "/"))
			commit.Own = commit.Own && inside && r.ownChange(file, fields[0][1:], fields[1])
			commit.Files = append(commit.Files, file)
		}
	}
}

// ownChange reports whether this program could have made a change of a file between two modes of
// git.
func (r *Repo) ownChange(file FileChange, modes ...string) bool {
	below, inside := strings.CutPrefix(file.Path, r.config.DomainsDir+"/")
	return inside && strings.Contains(below, "/") && utf8.ValidString(below) &&
		!slices.ContainsFunc(modes, func(mode string) bool { return mode == gitLink || mode == gitModule })
}

// content reads an object as git-cat-file(1) prints it, and that it has this name: what somebody
// put there under the name of another is not what a push would send. A nil content means that
// there is none.
func content(out []byte, name string) (content, rest []byte, err error) {
	line, rest, _ := bytes.Cut(out, []byte("\n"))
	kind, size, found := strings.Cut(string(line), " ")
	if found && size == "missing" {
		return nil, rest, nil
	}
	content, rest, err = take(rest, size)
	switch {
	case err != nil || len(rest) == 0 || kind != "blob":
		return nil, nil, fmt.Errorf("unexpected object %q", line)
	case hex.EncodeToString(objectOf(kind, content, hashOf(name))) != name:
		return nil, nil, fmt.Errorf("the object %s has another content than its name says: run git fsck there", name)
	}
	return content, rest[1:], nil // a line feed follows the object
}
