package onboarding

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// progressEvery is how often the audience may hear of progress. Slack lets an app edit messages about once a second
	// (chat.update is Tier 3: 50 a minute and more, with bursts).
	progressEvery = 1500 * time.Millisecond
	tailLines     = 12
	// maxLog bounds what is kept of one attempt, in bytes.
	maxLog = 4 << 20
)

// recorder keeps what an attempt prints, and lets the audience see the last lines while it runs.
type recorder struct {
	mu      sync.Mutex
	text    strings.Builder
	tail    []string
	lines   int
	changed bool

	stop chan struct{}
	done chan struct{}
}

// record begins to keep the output of an attempt. The caller closes it.
func (s *Service) record(ctx context.Context, attempt *Attempt) *recorder {
	r := &recorder{stop: make(chan struct{}), done: make(chan struct{})}
	go r.show(ctx, s, attempt.ID, attempt.RunID)
	return r
}

// Line takes one line of output.
func (r *recorder) Line(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines++
	r.changed = true
	switch {
	case r.text.Len()+len(text) < maxLog:
		r.text.WriteString(text + "\n")
	case r.text.Len() < maxLog:
		r.text.WriteString(strings.Repeat("…", maxLog-r.text.Len()) + "\n")
	}
	r.tail = append(r.tail, text)
	if len(r.tail) > tailLines {
		r.tail = append(r.tail[:0:0], r.tail[len(r.tail)-tailLines:]...)
	}
}

// show writes the last lines where the audience reads them. It does so on connections of its own: progress is for people,
// and nothing depends on it.
func (r *recorder) show(ctx context.Context, s *Service, attempt, run uuid.UUID) {
	defer close(r.done)
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.mu.Lock()
		tail, lines := append([]string{}, r.tail...), r.lines
		r.changed = false
		r.mu.Unlock()
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE attempts SET tail = $2, lines = $3 WHERE id = $1 AND outcome = 'running'`, attempt, tail, lines)
			if err != nil {
				return err
			}
			return s.Audience.RunChanged(ctx, tx, run)
		})
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "progress could not be shown", "run", run, "error", err)
		}
	}
}

// close ends the recording and gives the attempt what it printed.
func (r *recorder) close(attempt *Attempt) string {
	close(r.stop)
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	attempt.Tail, attempt.Lines = append([]string{}, r.tail...), r.lines
	return r.text.String()
}
