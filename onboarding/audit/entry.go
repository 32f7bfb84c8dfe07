// Package audit verifies the audit chain: a list of entries, each of which holds the hash of the
// one before, so nobody can edit, remove, insert or reorder one without all later hashes changing.
// The database writes the chain itself (package store, migrations); docs/audit.md describes its
// format, so it can be verified without this program.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Entry is one entry of the chain.
type Entry struct {
	Seq    int64
	Run    uuid.UUID // zero for what is about no run
	Kind   []byte    // run, event, approval, vote, attempt, freeze, or snapshot
	Row    []byte    // which row of its kind it is about
	Record []byte    // the row at that time, in canonical JSON (RFC 8785)
	Hash   Hash
}

// Hash is the SHA-256 of an entry.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// links are the hashes that an entry holds, in hexadecimal, nil where there is no entry before:
// that of the entry before it, and that of the entry before it about the same run. run is that
// run's id, nil for an entry about none.
type links struct{ prev, run, runPrev []byte }

// append writes the entry in canonical JSON to buf. The entry's hash is the SHA-256 of that.
func (e *Entry) append(buf []byte, before links) []byte {
	buf = append(buf, `{"kind":`...)
	buf = AppendText(buf, e.Kind)
	buf = append(buf, `,"prev":"`...)
	buf = append(buf, before.prev...)
	buf = append(buf, `","record":`...)
	buf = append(buf, e.Record...)
	buf = append(buf, `,"row":`...)
	buf = AppendText(buf, e.Row)
	if before.run != nil {
		buf = append(buf, `,"run":"`...)
		buf = append(buf, before.run...)
		buf = append(buf, `","run_prev":"`...)
		buf = append(buf, before.runPrev...)
		buf = append(buf, '"')
	}
	buf = append(buf, `,"seq":`...)
	buf = strconv.AppendInt(buf, e.Seq, 10)
	return append(buf, '}')
}

// AppendText writes a JSON string as RFC 8785 §3.2.2.2 wants it.
func AppendText(buf, text []byte) []byte {
	const short = "\b\t\n\f\r\"\\"
	buf = append(buf, '"')
	written := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		buf = append(buf, text[written:i]...)
		written = i + 1
		if at := strings.IndexByte(short, c); at >= 0 {
			buf = append(buf, '\\', `btnfr"\`[at])
		} else {
			buf = fmt.Appendf(buf, `\u%04x`, c)
		}
	}
	buf = append(buf, text[written:]...)
	return append(buf, '"')
}

// AppendUUID writes a UUID as text.
func AppendUUID(buf, id []byte) []byte {
	buf = hex.AppendEncode(buf, id[:4])
	for _, part := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		buf = hex.AppendEncode(append(buf, '-'), part)
	}
	return buf
}

// Head names an entry and its hash, or the first digits of it: somebody noted it when the entry
// was the newest one. The chain must still have it.
type Head struct {
	Seq  int64
	Hash string
}

// headForm is what [Head.String] writes. Sixteen digits are what threads show.
var headForm = regexp.MustCompile(`^([1-9][0-9]{0,17})-([0-9a-f]{16,64})$`)

// ParseHead reads a head as threads and logs show it: 1234-9f2c4a1b7d03aabb.
func ParseHead(text string) (Head, error) {
	match := headForm.FindStringSubmatch(strings.TrimSpace(text))
	if match == nil {
		return Head{}, fmt.Errorf("%q is not the head of a chain, such as 1234-9f2c4a1b7d03aabb", text)
	}
	seq, err := strconv.ParseInt(match[1], 10, 64)
	return Head{Seq: seq, Hash: match[2]}, err
}

func (h Head) String() string { return fmt.Sprintf("%d-%s", h.Seq, h.Hash) }

// Short is the head as threads show it.
func (h Head) Short() string { return fmt.Sprintf("%d-%s", h.Seq, h.Hash[:min(16, len(h.Hash))]) }
