package bot

import (
	"context"
	"sync"
)

// batch does together what comes while the last lot is under way: alone, a request goes at once; in a flood, hundreds share one
// round trip to the database.
type batch[In, Out any] struct {
	// run answers every request of a lot, in its order.
	run func(lot []In) ([]Out, error)

	mu      sync.Mutex
	waiting []request[In, Out]
	running bool
}

type request[In, Out any] struct {
	in     In
	answer chan<- answer[Out]
}

type answer[Out any] struct {
	out Out
	err error
}

// do adds a request to the next lot and waits for its answer. When ctx ends first, the request may still be done.
func (b *batch[In, Out]) do(ctx context.Context, in In) (out Out, err error) {
	answered := make(chan answer[Out], 1)
	b.mu.Lock()
	b.waiting = append(b.waiting, request[In, Out]{in, answered})
	if !b.running {
		b.running = true
		go b.work()
	}
	b.mu.Unlock()
	select {
	case a := <-answered:
		return a.out, a.err
	case <-ctx.Done():
		return out, ctx.Err()
	}
}

func (b *batch[In, Out]) work() {
	for {
		b.mu.Lock()
		lot := b.waiting
		b.waiting = nil
		b.running = len(lot) > 0
		b.mu.Unlock()
		if len(lot) == 0 {
			return
		}
		in := make([]In, len(lot))
		for i, r := range lot {
			in[i] = r.in
		}
		out, err := b.run(in)
		for i, r := range lot {
			if err != nil {
				r.answer <- answer[Out]{err: err}
			} else {
				r.answer <- answer[Out]{out: out[i]}
			}
		}
	}
}
