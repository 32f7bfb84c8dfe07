package checks

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// glance reads every table as many sessions over several connections at once, and tells which of them saw nothing that is another's and met no
// error. On a sound platform that is all of them; the others are looked at one by one, which says what they saw and why.
func (r *Run) batchRead(ctx context.Context, sessions []session.Session) (quiet []bool) {
	quiet = make([]bool, len(sessions))
	lanes := r.cfg.Budget.Connections
	if lanes < 2 {
		return quiet
	}
	byShape := map[session.Shape][]int{}
	for i, s := range sessions {
		byShape[s.Shape()] = append(byShape[s.Shape()], i)
	}
	read := make([][]*catalog.Relation, len(sessions))
	var group errgroup.Group
	group.SetLimit(lanes)
	var slow atomic.Bool
	for alike := range maps.Values(byShape) {
		for some := range slices.Chunk(alike, (len(sessions)+lanes-1)/lanes) {
			group.Go(func() error {
				r.batchReadOn(ctx, sessions, some, read, &slow)
				return nil
			})
		}
	}
	_ = group.Wait() // who met an error is looked at again
	for i, tables := range read {
		for _, t := range tables {
			r.Tried(t.String(), "read")
		}
		quiet[i] = tables != nil
	}
	return quiet
}

// glanceAs reads as some sessions over one connection and leaves the tables that each has read, nil for one that is not quiet. A table that
// keeps a statement waiting for too long ends all glances: it is not to be waited for twice.
func (r *Run) batchReadOn(ctx context.Context, sessions []session.Session, some []int, read [][]*catalog.Relation, slow *atomic.Bool) {
	conn, err := r.dialer.Open(ctx)
	if err != nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	names, peeked := map[string]string{}, map[*catalog.Relation]string{}
	for _, i := range some {
		s := sessions[i]
		tables := r.tablesFor(s, peeked)
		if slow.Load() || r.limit(ctx, len(tables)) != nil {
			return
		}
		var sees []bool
		err := session.Within(ctx, conn, r.cfg.Settings, s, true, func() error {
			for few := range slices.Chunk(tables, tablesPerStatement) {
				seen, err := r.seen(ctx, conn, names, s, few)
				if err != nil {
					return err
				}
				sees = append(sees, seen...)
			}
			return nil
		})
		if query.SQLState(err) == query.QueryCanceled {
			slow.Store(true)
		}
		if err != nil || slices.Contains(sees, true) {
			continue
		}
		read[i] = append([]*catalog.Relation{}, tables...)
		for _, t := range tables {
			if !t.RLS && t.HasRowIDs() {
				peeked[t] = s.Role + "." // no identity changes what it shows
			}
		}
	}
}
