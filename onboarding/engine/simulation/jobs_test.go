package simulation

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// jobs are what has a run advanced, as River has them: one that fails comes back.
type jobs struct {
	mu      sync.Mutex
	list    []*job
	changed chan struct{}
}

type job struct {
	run         uuid.UUID
	at, created time.Time
	attempt     int
	running     bool
}

func (j *jobs) add(run uuid.UUID, at time.Time) {
	j.mu.Lock()
	j.list = append(j.list, &job{run: run, at: at, created: time.Now()})
	j.mu.Unlock()
	j.wake()
}

// wake has whoever waits for the next job look again.
func (j *jobs) wake() {
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

// next returns the job that is due first and not running, nil if there is none.
func (j *jobs) next() *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	var first *job
	for _, job := range j.list {
		if !job.running && (first == nil || job.at.Before(first.at)) {
			first = job
		}
	}
	return first
}

// within reports whether a job of a run is running, or due before a time.
func (j *jobs) within(run uuid.UUID, until time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.list, func(job *job) bool {
		return job.run == run && (job.running || job.at.Before(until))
	})
}

func (j *jobs) done(done *job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = slices.DeleteFunc(j.list, func(job *job) bool { return job == done })
}

// again has a job worked again at a time.
func (j *jobs) again(job *job, at time.Time) {
	j.mu.Lock()
	job.running, job.at = false, at
	j.mu.Unlock()
	j.wake()
}
