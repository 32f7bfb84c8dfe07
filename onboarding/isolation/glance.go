package isolation

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// glance reads every table as many sessions over several connections at once, and tells which of them saw nothing that is another's and met no
// error. On a sound platform that is all of them; the others are looked at one by one, which says what they saw and why.
func (r *run) glance(ctx context.Context, sessions []session) (quiet []bool) {
	quiet = make([]bool, len(sessions))
	lanes := r.cfg.Budget.Connections
	if lanes < 2 {
		return quiet
	}
	byShape := map[shape][]int{}
	for i, s := range sessions {
		byShape[s.shape()] = append(byShape[s.shape()], i)
	}
	read := make([][]*relation, len(sessions))
	var group errgroup.Group
	group.SetLimit(lanes)
	var slow atomic.Bool
	for alike := range maps.Values(byShape) {
		for some := range slices.Chunk(alike, (len(sessions)+lanes-1)/lanes) {
			group.Go(func() error {
				r.glanceAs(ctx, sessions, some, read, &slow)
				return nil
			})
		}
	}
	_ = group.Wait() // who met an error is looked at again
	for i, tables := range read {
		for _, t := range tables {
			r.try(t.String(), "read")
		}
		quiet[i] = tables != nil
	}
	return quiet
}

// glanceAs reads as some sessions over one connection and leaves the tables that each has read, nil for one that is not quiet. A table that
// keeps a statement waiting for too long ends all glances: it is not to be waited for twice.
func (r *run) glanceAs(ctx context.Context, sessions []session, some []int, read [][]*relation, slow *atomic.Bool) {
	conn, err := r.door.open(ctx)
	if err != nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	names, peeked := map[string]string{}, map[*relation]string{}
	for _, i := range some {
		s := sessions[i]
		tables := r.peekable(s, peeked)
		if slow.Load() || r.limit(ctx, len(tables)) != nil {
			return
		}
		var sees []bool
		err := within(ctx, conn, r.cfg.Settings, s, true, func() error {
			for few := range slices.Chunk(tables, tablesPerStatement) {
				seen, err := r.seen(ctx, conn, names, s, few)
				if err != nil {
					return err
				}
				sees = append(sees, seen...)
			}
			return nil
		})
		if sqlstate(err) == timedOut {
			slow.Store(true)
		}
		if err != nil || slices.Contains(sees, true) {
			continue
		}
		read[i] = append([]*relation{}, tables...)
		for _, t := range tables {
			if !t.RLS && t.hasRowIDs() {
				peeked[t] = s.Role + "." // no identity changes what it shows
			}
		}
	}
}
