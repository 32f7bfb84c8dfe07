// Package routine starts goroutines whose panic does not end the process. A panic is logged with
// its stack and counted; whoever waits for the goroutine learns of it. All goroutines of the
// product are started here, see internal/arrows.
package routine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Panics counts the panics that were contained since the process began.
var Panics = prometheus.NewCounter(prometheus.CounterOpts{
	Name: "onboardbot_panics_total",
	Help: "Panics that were contained. Each is a bug; the log has its stack.",
})

// PanicError is a panic that was contained.
type PanicError struct{ Value any }

func (e *PanicError) Error() string {
	return fmt.Sprintf("a bug in onboardbot: %v (the log has the stack: report it)", e.Value)
}

// Call calls f and returns a panic of it as a [*PanicError].
func Call(f func() error) (err error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if again, ok := cause.(*PanicError); ok { // told where it happened
			err = again
			return
		}
		Panics.Inc()
		slog.Error("a goroutine panicked", "panic", cause, "stack", string(debug.Stack()))
		err = &PanicError{cause}
	}()
	return f()
}

// Contained returns a function that calls f and ends normally if f panics. It is for work that
// nobody waits for.
func Contained(f func()) func() {
	return func() { _ = Call(func() error { f(); return nil }) }
}

// Go calls f on a goroutine of its own.
func Go(f func()) { go Contained(f)() }

// pause is how long Keep waits before it calls a function that panicked again.
const pause = 5 * time.Second

// Keep calls f until it returns, and again after each panic. It returns the error of f, or nil
// when ctx ends after a panic.
func Keep(ctx context.Context, f func(context.Context) error) error {
	for {
		err := Call(func() error { return f(ctx) })
		if _, panicked := errors.AsType[*PanicError](err); !panicked {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// Group is an [errgroup.Group] in which a panic is an error. The zero Group is ready for use.
type Group struct {
	group    errgroup.Group
	withStop *errgroup.Group // instead of group, of a group with a context
}

// WithContext returns a group and a context that ends when a function of the group fails or
// panics, or when Wait returns.
func WithContext(ctx context.Context) (*Group, context.Context) {
	group, ctx := errgroup.WithContext(ctx)
	return &Group{withStop: group}, ctx
}

func (g *Group) inner() *errgroup.Group {
	if g.withStop != nil {
		return g.withStop
	}
	return &g.group
}

// SetLimit limits how many functions run at the same time. Go waits while there are as many.
func (g *Group) SetLimit(n int) { g.inner().SetLimit(n) }

// Go calls f on a goroutine of its own.
func (g *Group) Go(f func() error) { g.inner().Go(func() error { return Call(f) }) }

// Wait waits for all functions and returns the first error.
func (g *Group) Wait() error { return g.inner().Wait() }

// WaitGroup waits for functions that cannot fail. The zero WaitGroup is ready for use.
type WaitGroup struct {
	group sync.WaitGroup
	mu    sync.Mutex
	cause error
}

// Go calls f on a goroutine of its own.
func (w *WaitGroup) Go(f func()) {
	w.group.Go(func() {
		if err := Call(func() error { f(); return nil }); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.cause = err
		}
	})
}

// Wait waits for all functions. If one panicked, Wait panics with its [*PanicError], so nobody
// takes what is missing for a result; a [Call] or [Group] above contains it.
func (w *WaitGroup) Wait() {
	w.group.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause != nil {
		panic(w.cause)
	}
}
