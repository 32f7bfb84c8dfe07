package bot

import (
	"errors"
	"testing"
	"time"
)

func TestTheCacheAsksAgainForWhatIsTooOld(t *testing.T) {
	t.Parallel()
	calls := 0
	load := func() (int, error) { calls++; return calls, nil }
	kept := &cache[int]{entries: map[string]cached[int]{"ana": {value: -1, asked: time.Now().Add(-10 * time.Second)}}}
	for _, step := range []struct {
		oldest time.Duration
		want   int
	}{{time.Minute, -1}, {freshFor, 1}, {freshFor, 1}, {time.Minute, 1}, {0, 2}} {
		if got, err := kept.get("ana", step.oldest, load); got != step.want || err != nil {
			t.Errorf("at most %s old: %d, %v, want %d", step.oldest, got, err, step.want)
		}
	}
	failure := errors.New("away")
	if _, err := kept.get("ana", 0, func() (int, error) { return 0, failure }); !errors.Is(err, failure) {
		t.Errorf("an old answer stands in for a failure: %v", err)
	}
	// An answer that was asked for before another one does not replace it.
	if got, err := kept.get("bo", time.Minute, func() (int, error) {
		_, err := kept.get("bo", time.Minute, func() (int, error) { return 8, nil })
		return 7, err
	}); got != 7 || err != nil {
		t.Error(got, err)
	}
	if got, _ := kept.get("bo", time.Minute, load); got != 8 {
		t.Errorf("the older answer is kept: %d", got)
	}
}
