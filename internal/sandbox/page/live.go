package page

import (
	"fmt"
	"net/http"
	"time"
)

const (
	// drawEvery is the least time between two events: many changes make one.
	drawEvery = 80 * time.Millisecond
	// keepAlive is how long the stream may be silent, and refreshes what panels show.
	keepAlive = 15 * time.Second
)

// serveLive tells the script of every change of the workspace, as server-sent events (HTML
// standard, section 9.2). The data is the version; the script then asks for the page again.
func (p *page) serveLive(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(rw)
	version := uint64(0)
	changes := make(chan uint64)
	ctx := r.Context()
	go func() {
		defer close(changes)
		for seen := uint64(0); ; {
			next, err := p.Workspace.Changed(ctx, seen)
			if err != nil {
				return
			}
			select {
			case changes <- next:
				seen = next
			case <-ctx.Done():
				return
			}
			time.Sleep(drawEvery)
		}
	}()
	silence := time.NewTicker(keepAlive)
	defer silence.Stop()
	for {
		select {
		case next, open := <-changes:
			if !open {
				return
			}
			version = next
		case <-silence.C:
		}
		if _, err := fmt.Fprintf(rw, "retry: 500\ndata: %d\n\n", version); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
	}
}
