package routine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/atlilith/onboardbot/internal/routine"
)

var errPlain = errors.New("plain")

func isPanic(err error) bool {
	_, ok := errors.AsType[*routine.PanicError](err)
	return ok
}

func TestPanicsAreContained(t *testing.T) {
	before := testutil.ToFloat64(routine.Panics)
	var missing *struct{ field int }
	group, ctx := routine.WithContext(t.Context())
	group.Go(func() error { <-ctx.Done(); return nil })
	group.Go(func() error { missing.field++; return nil })
	if err := group.Wait(); !isPanic(err) {
		t.Errorf("a group with a context: %v", err)
	}
	var plain routine.Group
	plain.SetLimit(1)
	plain.Go(func() error { panic("at the disco") })
	plain.Go(func() error { return nil })
	if err := plain.Wait(); !isPanic(err) {
		t.Errorf("a group: %v", err)
	}
	// What a WaitGroup waited for is missing, so whoever waits does not go on. It counts once.
	err := routine.Call(func() error {
		var waiting routine.WaitGroup
		waiting.Go(func() { panic(errPlain) })
		waiting.Wait()
		return nil
	})
	if !isPanic(err) {
		t.Errorf("a wait group: %v", err)
	}
	ended := make(chan struct{})
	routine.Go(func() { defer close(ended); panic("alone") })
	<-ended
	routine.Contained(func() { panic("contained") })()
	if err := routine.Call(func() error { return errPlain }); !errors.Is(err, errPlain) || isPanic(err) {
		t.Errorf("an error: %v", err)
	}
	if got := testutil.ToFloat64(routine.Panics) - before; got < 4 || got > 5 { // the one alone counts after it ended
		t.Errorf("%v panics counted, want 5", got)
	}
}

func TestKeepGoesOnAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := routine.Keep(t.Context(), func(context.Context) error {
			if calls++; calls < 3 {
				panic("again")
			}
			return errPlain
		})
		if calls != 3 || !errors.Is(err, errPlain) {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}
