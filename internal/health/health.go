// Package health answers the questions of whoever runs the bot: does it live, is it ready, and its numbers. It knows only
// what it is told to ask.
package health

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// timeout bounds one round of questions; probes give up after a second or a few.
const timeout = 2 * time.Second

// Check is one thing that must hold for the bot to be ready.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// Handler serves /healthz (the process lives), /readyz (every check holds, else 503 with what does not) and /metrics.
func Handler(gatherer prometheus.Gatherer, checks ...Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		for _, check := range checks {
			if err := check.Ask(ctx); err != nil {
				http.Error(w, check.Name+": "+err.Error(), http.StatusServiceUnavailable)
				return
			}
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}
