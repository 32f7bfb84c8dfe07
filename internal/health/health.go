// Package health serves health checks and metrics over HTTP.
package health

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// timeout bounds all checks of one request. Kubernetes and load balancers give up after one to a
// few seconds.
const timeout = 2 * time.Second

// Check is one condition for the bot to be ready. Ask returns an error while it does not hold.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// Handler serves /healthz, which always succeeds, /readyz, which answers 503 with the first check
// that fails, and /metrics.
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
	mux.Handle("GET /metrics",
		promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}
