package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"maps"
	"math/bits"
	"slices"
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
	prev     []byte // the last entry's hash in hexadecimal, nil before the first
	runs     map[uuid.UUID]*chainOfRun
	last     *chainOfRun // of the last entry
	entries  []entry
	names    names
	buf      []byte
}

// chainOfRun is what the next entry about a run holds of those before it.
type chainOfRun struct {
	id   uuid.UUID
	text []byte // the id as text
	prev []byte // the newest entry's hash in hexadecimal, nil before the first
}

// maxRoom is for how many entries there is room from the beginning, at most.
const maxRoom = 1 << 20

// NewChain returns a chain without entries, which must come to have all the heads. It is faster if
// it knows how many entries there will be.
func NewChain(entries int64, heads ...Head) *Chain {
	room := int(min(max(entries, 0), maxRoom))
	return &Chain{heads: heads, room: room, runs: map[uuid.UUID]*chainOfRun{}, last: new(chainOfRun),
		entries: make([]entry, 0, room), names: newNames(room, maphash.MakeSeed())}
}

// Add verifies the next entry, and keeps nothing of it. Whatever is wrong with one, the next is
// verified as if it were right, so one problem hides few others.
func (c *Chain) Add(e *Entry) {
	run := c.chainOf(e.Run)
	c.buf = e.append(c.buf[:0], links{prev: c.prev, run: run.text, runPrev: run.prev})
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
	c.prev = hex.AppendEncode(c.prev[:0], e.Hash[:])
	run.prev = append(run.prev[:0], c.prev...)
	if string(e.Kind) != kindSnapshot {
		c.entries = append(c.entries, entry{c.names.row(e.Kind, e.Row, e.Record), e.Seq})
	}
}

// chainOf finds the chain of a run. Most entries are about the same run as the one before. Entries
// about no run have one, too, which is not used.
func (c *Chain) chainOf(run uuid.UUID) *chainOfRun {
	if run == c.last.id {
		return c.last
	}
	found := c.runs[run]
	if found == nil {
		found = &chainOfRun{id: run}
		if run != uuid.Nil {
			found.text = AppendUUID(nil, run[:])
			c.runs[run] = found
		}
	}
	c.last = found
	return found
}

func (c *Chain) report(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// row is one row of a table, or an entry about it. Whoever could edit one does not know the seed
// of the sums, and so cannot make two that have the same.
type row struct {
	key, sum   uint64 // of its name and its record
	start, end uint32 // its name, among the names
}

// entry is what a row was at some time.
type entry struct {
	row
	seq int64
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

// Rows are what the tables hold now, for a hash table of its own because a map would take most of
// the time of a verification. They are for one goroutine, which may be another than the chain's.
type Rows struct {
	names  names
	list   []tableRow
	places []int32 // 1 + the place in list, by key, 0 where there is none; a power of two, at least twice as many
}

// tableRow is a row of a table, with its newest entry.
type tableRow struct {
	row
	newest int32 // 1 + the entry's place, 0 where there is none
	edited bool  // it differs from that entry
}

// Rows returns a list without rows, to compare with the chain.
func (c *Chain) Rows() *Rows {
	return &Rows{names: newNames(c.room, c.names.seed), list: make([]tableRow, 0, c.room)}
}

// Add adds a row with what its record would be.
func (r *Rows) Add(kind, id, record []byte) {
	r.list = append(r.list, tableRow{row: r.names.row(kind, id, record)})
}

// Index makes the rows ready for [Chain.Report], once all were added.
func (r *Rows) Index() {
	r.places = make([]int32, 2<<bits.Len(uint(len(r.list))))
	for i := range r.list {
		_, at := r.find(r.list[i].key)
		*at = int32(i + 1)
	}
}

// find returns the row of a key, nil if there is none, and where its place is kept.
func (r *Rows) find(key uint64) (found *tableRow, at *int32) {
	for i := key; ; i++ {
		at = &r.places[i&uint64(len(r.places)-1)]
		if *at == 0 {
			return nil, at
		}
		if found = &r.list[*at-1]; found.key == key {
			return found, at
		}
	}
}

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
	gone := map[uint64]entry{} // the newest entry of each row that is not there
	for i := range c.entries {
		entry := &c.entries[i]
		if row, _ := rows.find(entry.key); row != nil {
			row.newest, row.edited = int32(i+1), row.sum != entry.sum
		} else {
			gone[entry.key] = *entry
		}
	}
	for _, row := range rows.list {
		switch {
		case row.newest == 0:
			c.report("%s is in no entry: it was inserted, or its entries were removed", rows.names.of(row.row))
		case row.edited:
			c.report("%s differs from its entry %d: it was edited", rows.names.of(row.row), c.entries[row.newest-1].seq)
		}
	}
	bySeq := func(a, b entry) int { return cmp.Compare(a.seq, b.seq) }
	for _, entry := range slices.SortedFunc(maps.Values(gone), bySeq) {
		c.report("%s of entry %d was removed", c.names.of(entry.row), entry.seq)
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
		report.Head = Head{Seq: c.seq, Hash: string(c.prev)}
	}
	return report
}
