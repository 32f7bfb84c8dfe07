package reading

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/pipeline"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// batchReader reads every table as many sessions over several connections at once.
type batchReader struct {
	scope       *setup.Scope
	dialer      *session.Dialer
	limiter     *session.Limiter
	connections int
	results     *results.Collector
}

func newBatchReader(s *setup.Setup) *batchReader {
	return &batchReader{s.Scope, s.Dialer, s.Limiter, s.Config.Budget.Connections, s.Results}
}

// read reports which sessions saw nothing that is another's and met no error. On a sound
// platform that is all of them; the caller reads as the others one by one, which says what they
// saw and why.
func (b *batchReader) read(ctx context.Context, sessions []session.Session) (clean []bool) {
	clean = make([]bool, len(sessions))
	if b.connections < 2 {
		return clean
	}
	tables := make([][]*catalog.Relation, len(sessions)) // that each session read; nil if it is not clean
	var group routine.Group
	group.SetLimit(b.connections)
	var slow atomic.Bool
	for _, alike := range session.SharedConnections(sessions) {
		for some := range slices.Chunk(alike, (len(sessions)+b.connections-1)/b.connections) {
			group.Go(func() error {
				r := &batch{reader: b, sessions: sessions, tables: tables, slow: &slow}
				r.read(ctx, some)
				return nil
			})
		}
	}
	_ = group.Wait() // a session that met an error is not clean
	for i, read := range tables {
		for _, t := range read {
			b.results.Tried(t.String(), results.Read)
		}
		clean[i] = read != nil
	}
	return clean
}

// batch is what the connections of one call share.
type batch struct {
	reader   *batchReader
	sessions []session.Session
	tables   [][]*catalog.Relation
	// slow says that a table kept a statement waiting for too long. It ends all connections, so
	// nobody waits for it twice.
	slow *atomic.Bool
}

// read reads as some sessions, by index, over one connection.
func (b *batch) read(ctx context.Context, indexes []int) {
	conn, err := b.reader.dialer.Open(ctx)
	if err != nil {
		return
	}
	defer conn.Close(ctx)
	prepared, seen := pipeline.NewPrepared(b.reader.scope.Model), seenByRole{}
	for _, i := range indexes {
		s := b.sessions[i]
		tables := tablesFor(s, b.reader.scope, seen, b.reader.results)
		if b.slow.Load() || b.reader.limiter.Wait(ctx, len(tables)) != nil {
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
