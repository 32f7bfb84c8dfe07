package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"
)

// Format names the format of a [File]. Another format will have another name.
const Format = "onboardbot audit 1"

// maxFile bounds a file that is verified, in bytes.
const maxFile = 1 << 30

// File is everything that the chain holds about one run. Whoever has it can verify it without the
// bot: each entry by its hash, their order by the hash of the entry before, the changes by their
// digests, and the newest entry by the head that stands in the run's thread.
type File struct {
	Format string    `json:"format"`
	Run    uuid.UUID `json:"run"`
	// Head is the run's newest entry.
	Head string `json:"head"`
	// Entries are all of the run, oldest first.
	Entries []Linked `json:"entries"`
	// Changes are those that approvals are about, in canonical JSON, by their digests.
	Changes map[string]string `json:"changes"`
}

// Linked is an entry about a run, with the hashes that it holds, in lower-case hexadecimal.
type Linked struct {
	hashed
	Hash string `json:"hash"`
}

// hashed is what the hash of an entry is the SHA-256 of, in canonical JSON.
type hashed struct {
	Kind    string          `json:"kind"`
	Prev    string          `json:"prev"`
	Record  json.RawMessage `json:"record"`
	Row     string          `json:"row"`
	Run     uuid.UUID       `json:"run"`
	RunPrev string          `json:"run_prev"`
	Seq     int64           `json:"seq"`
}

// hash is the SHA-256 of the entry in canonical JSON (RFC 8785).
func (h hashed) hash() (string, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	if text, err = jcs.Transform(text); err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// NewFile returns a file without entries.
func NewFile(run uuid.UUID) *File {
	return &File{Format: Format, Run: run, Changes: map[string]string{}}
}

// Add adds the run's next entry. prev is the hash of the entry before it in the whole chain, empty
// for the first.
func (f *File) Add(e *Entry, prev []byte) {
	linked := Linked{hashed{Kind: string(e.Kind), Prev: hex.EncodeToString(prev), Record: e.Record,
		Row: string(e.Row), Run: e.Run, Seq: e.Seq}, e.Hash.String()}
	if count := len(f.Entries); count > 0 {
		linked.RunPrev = f.Entries[count-1].Hash
	}
	f.Entries = append(f.Entries, linked)
	f.Head = Head{Seq: e.Seq, Hash: linked.Hash}.String()
}

// Write writes the file.
func (f *File) Write(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(f)
}

// ReadFile reads a file that [File.Write] wrote.
func ReadFile(in io.Reader) (*File, error) {
	file := new(File)
	decoder := json.NewDecoder(io.LimitReader(in, maxFile))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(file); err != nil {
		return nil, fmt.Errorf("this is no exported audit: %w", err)
	}
	if file.Format != Format {
		return nil, fmt.Errorf("the format is %.80q, not %q", file.Format, Format)
	}
	if len(file.Entries) == 0 {
		return nil, errors.New("the file has no entries")
	}
	return file, nil
}

// Verify verifies the file by itself, and that it has the heads.
func (f *File) Verify(heads ...Head) (Report, error) {
	report := Report{Entries: int64(len(f.Entries)), Runs: 1}
	problem := func(format string, args ...any) {
		report.Problems = append(report.Problems, fmt.Sprintf(format, args...))
	}
	known := map[int64]string{}
	before := Linked{}
	for _, entry := range f.Entries {
		hash, err := entry.hash()
		if err != nil {
			return Report{}, fmt.Errorf("entry %d: %w", entry.Seq, err)
		}
		what := entry.Kind + " " + entry.Row
		switch {
		case hash != entry.Hash:
			problem("entry %d (%s) does not match its hash: it was edited", entry.Seq, what)
		case entry.RunPrev != before.Hash || entry.Seq <= before.Seq || entry.Run != f.Run:
			problem("entry %d (%s) does not follow the one before it: entries were removed, inserted or reordered",
				entry.Seq, what)
		}
		if entry.Kind == "approval" {
			var record struct{ Digest string }
			if err := json.Unmarshal(entry.Record, &record); err != nil {
				return Report{}, fmt.Errorf("entry %d: %w", entry.Seq, err)
			}
			if _, found := f.Changes[record.Digest]; !found {
				problem("the change %.12s of entry %d is missing", record.Digest, entry.Seq)
			}
		}
		known[entry.Seq], before = entry.Hash, entry
	}
	for digest, change := range f.Changes {
		if sum := sha256.Sum256([]byte(change)); hex.EncodeToString(sum[:]) != digest {
			problem("the change %.12s does not match its digest: it was edited", digest)
		}
	}
	report.Head = Head{Seq: before.Seq, Hash: before.Hash}
	for _, head := range heads {
		if hash := known[head.Seq]; hash == "" || !strings.HasPrefix(hash, head.Hash) {
			problem("head %s is missing: entries were cut off, or written anew", head)
		}
	}
	return report, nil
}
