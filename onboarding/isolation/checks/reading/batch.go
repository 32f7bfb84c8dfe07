package reading

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/pipeline"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// readTogether reads every table as many sessions over several connections at once. It reports
// which sessions saw nothing that is another's and met no error. On a sound platform that is all
// of them; the caller reads as the others one by one, which says what they saw and why.
func (c *sample) readTogether(ctx context.Context, sessions []session.Session) (clean []bool) {
	clean = make([]bool, len(sessions))
	if c.connections < 2 {
		return clean
	}
	b := &batch{sample: c, sessions: sessions, tables: make([][]*catalog.Relation, len(sessions))}
	var group routine.Group
	group.SetLimit(c.connections)
	for _, alike := range session.SharedConnections(sessions) {
		for some := range slices.Chunk(alike, (len(sessions)+c.connections-1)/c.connections) {
			group.Go(func() error {
				b.read(ctx, some)
				return nil
			})
		}
	}
	_ = group.Wait() // a session that met an error is not clean
	for i, read := range b.tables {
		for _, t := range read {
			c.results.Tried(t.String(), results.Read)
		}
		clean[i] = read != nil
	}
	return clean
}

// batch is what the connections of one call share.
type batch struct {
	sample   *sample
	sessions []session.Session
	// tables are those that each session read; nil if it is not clean.
	tables [][]*catalog.Relation
	// slow says that a table kept a statement waiting for too long. It ends all connections, so
	// nobody waits for it twice.
	slow atomic.Bool
}

// read reads as some sessions, by index, over one connection.
func (b *batch) read(ctx context.Context, indexes []int) {
	conn, err := b.sample.dialer.Open(ctx)
	if err != nil {
		return
	}
	defer conn.Close(ctx)
	conn.Apart()
	prepared, seen := pipeline.NewPrepared(b.sample.model), seenByRole{}
	for _, i := range indexes {
		s := b.sessions[i]
		tables := b.sample.tablesFor(s, seen)
		if b.slow.Load() || b.sample.limiter.Wait(ctx, len(tables)) != nil {
			return
		}
		var sees []bool
		err := conn.Read(ctx, s, func(tx *session.Tx) error {
			for some := range slices.Chunk(tables, pipeline.TablesPerStatement) {
				seen, err := prepared.SeesForeign(ctx, tx, some)
				if err != nil {
					return err
				}
				sees = append(sees, seen...)
			}
			return nil
		})
		if query.SQLState(err) == query.QueryCanceled {
			b.slow.Store(true)
		}
		if err != nil || slices.Contains(sees, true) {
			continue
		}
		b.tables[i] = append([]*catalog.Relation{}, tables...)
		seen.note(s, tables...)
	}
}
