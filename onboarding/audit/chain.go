package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"math/bits"
	"strings"

	"github.com/google/uuid"
)

// kindSnapshot is the kind of the first entry, which is about no row: it says how many rows were
// there before the chain. The entries that follow are these rows.
const kindSnapshot = "snapshot"

// Chain verifies a whole chain while its entries pass by, oldest first. It is for one goroutine.
type Chain struct {
	heads    []Head
	problems []string
	room     int
	seq      int64  // of the last entry
	hash     digits // of the last entry
	runs     map[uuid.UUID]*digits
	entries  []row
	names    names
	buf      []byte
}

// digits are a hash in lower-case hexadecimal.
type digits [2 * sha256.Size]byte

// maxRoom is for how many entries there is room from the beginning, at most.
const maxRoom = 1 << 20

// NewChain returns a chain without entries, which must come to have all the heads. It is faster if it
// knows how many entries there will be.
func NewChain(entries int64, heads ...Head) *Chain {
	room := int(min(max(entries, 0), maxRoom))
	return &Chain{heads: heads, room: room, runs: map[uuid.UUID]*digits{}, entries: make([]row, 0, room),
		names: newNames(room, maphash.MakeSeed())}
}

// Add verifies the next entry, and keeps nothing of it. Whatever is wrong with one, the next is
// verified as if it were right, so one problem hides few others.
func (c *Chain) Add(e *Entry) {
	before := links{}
	if c.seq > 0 {
		before.prev = c.hash[:]
	}
	inRun := c.runs[e.Run]
	if inRun != nil {
		before.runPrev = inRun[:]
	} else if e.Run != uuid.Nil {
		inRun = new(digits)
		c.runs[e.Run] = inRun
	}
	c.buf = e.append(c.buf[:0], before)
	// What follows a gap holds the hash of an entry that is not there, so it cannot be verified.
	switch next := c.seq + 1; {
	case e.Seq == next+1:
		c.report("entry %d was removed", next)
	case e.Seq > next:
		c.report("entries %d to %d were removed", next, e.Seq-1)
	case sha256.Sum256(c.buf) != e.Hash:
		c.report("entry %d (%s %s) does not match its hash: it, or one that it follows, was edited, moved, inserted "+
			"or removed", e.Seq, e.Kind, e.Row)
	}
	for _, head := range c.heads {
		if head.Seq == e.Seq && !strings.HasPrefix(e.Hash.String(), head.Hash) {
			c.report("entry %d is not the one of head %s: the chain was written anew from there or before", e.Seq,
				head)
		}
	}
	c.seq = e.Seq
	hex.Encode(c.hash[:], e.Hash[:])
	if inRun != nil {
		*inRun = c.hash
	}
	if string(e.Kind) != kindSnapshot {
		row := c.names.row(e.Kind, e.Row, e.Record)
		row.seq = e.Seq
		c.entries = append(c.entries, row)
	}
}

func (c *Chain) report(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// row is one row of a table, or an entry about it. Whoever could edit one does not know the seed of
// the sums, and so cannot make two that have the same.
type row struct {
	key, sum   uint64 // of its name and its record
	start, end uint32 // its name, among the names
	seq        int64  // of the entry
	settled    bool   // the table has the row of the entry, or a newer entry is about it
}

// newest finds the newest entry of each row. It is a hash table of its own because a map would take
// most of the time of a verification. The keys are hashes already, and nothing is ever removed.
type newest struct {
	entries []row
	places  []int32 // 1 + the place in entries, 0 where there is none; a power of two, at least twice as many
}

// newNewest settles the entries that are not the newest of their rows.
func newNewest(entries []row) *newest {
	n := &newest{entries, make([]int32, 2<<bits.Len(uint(len(entries))))}
	for i := range entries {
		older, at := n.find(entries[i].key)
		if older != nil {
			older.settled = true
		}
		*at = int32(i + 1)
	}
	return n
}

// find returns the newest entry of a row, and where its place is kept.
func (n *newest) find(key uint64) (entry *row, at *int32) {
	for i := key; ; i++ {
		at = &n.places[i&uint64(len(n.places)-1)]
		if *at == 0 {
			return nil, at
		}
		if entry = &n.entries[*at-1]; entry.key == key {
			return entry, at
		}
	}
}

// names are those of many rows, as people read them, one after the other in one buffer.
type names struct {
	text []byte
	seed maphash.Seed
}

// newNames makes room for the names of some rows.
func newNames(rows int, seed maphash.Seed) names {
	const usual = 32
	return names{make([]byte, 0, usual*rows), seed}
}

func (n *names) row(kind, id, record []byte) row {
	start := len(n.text)
	n.text = append(append(append(n.text, kind...), ' '), id...)
	return row{key: maphash.Bytes(n.seed, n.text[start:]), sum: maphash.Bytes(n.seed, record),
		start: uint32(start), end: uint32(len(n.text))}
}

func (n *names) of(row row) []byte { return n.text[row.start:row.end] }

// Rows are what the tables hold now. They are for one goroutine, which may be another than the
// chain's.
type Rows struct {
	names names
	list  []row
}

// Rows returns a list without rows, to compare with the chain.
func (c *Chain) Rows() *Rows {
	return &Rows{names: newNames(c.room, c.names.seed), list: make([]row, 0, c.room)}
}

// Add adds a row with what its record would be.
func (r *Rows) Add(kind, id, record []byte) { r.list = append(r.list, r.names.row(kind, id, record)) }

// Report is what a verification found.
type Report struct {
	Head     Head // of the chain, zero for an empty one
	Entries  int64
	Runs     int
	Rows     int
	Problems []string
}

// Report compares the rows with the newest entry of each, once all entries have passed by.
func (c *Chain) Report(rows *Rows) Report {
	newest := newNewest(c.entries)
	for _, row := range rows.list {
		entry, _ := newest.find(row.key)
		if entry == nil {
			c.report("%s is in no entry: it was inserted, or its entries were removed", rows.names.of(row))
			continue
		}
		if entry.sum != row.sum {
			c.report("%s differs from its entry %d: it was edited", rows.names.of(row), entry.seq)
		}
		entry.settled = true
	}
	for _, entry := range c.entries {
		if !entry.settled {
			c.report("%s of entry %d was removed", c.names.of(entry), entry.seq)
		}
	}
	for _, head := range c.heads {
		if head.Seq > c.seq {
			c.report("head %s is missing: the chain ends at entry %d, so its last entries were cut off", head, c.seq)
		}
	}
	if c.seq == 0 {
		c.report("the chain has no entries: they were removed")
	}
	report := Report{Entries: c.seq, Runs: len(c.runs), Rows: len(rows.list), Problems: c.problems}
	if c.seq > 0 {
		report.Head = Head{Seq: c.seq, Hash: string(c.hash[:])}
	}
	return report
}
