package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/health"
	"github.com/atlilith/onboardbot/internal/routine"
)

// serveHTTP answers health checks and requests for metrics until ctx ends.
func (a *App) serveHTTP(ctx context.Context) error {
	if a.settings.HTTP.Listen == config.Off {
		return nil
	}
	listener, err := net.Listen("tcp", a.settings.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	server := &http.Server{Handler: health.Handler(a.metrics(), a.checks()...), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	a.log.Info("listening for health checks and metrics", "address", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

func (a *App) metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		a.workspace.Collector(),
		a.outbox.Collector(),
		a.service.Records.Collector(),
		a.isolation.store.Collector(),
		a.certificates.watch.Collector(),
		routine.Panics,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry
}

// takesWrites returns an error while the bot's own database cannot be asked or is read-only, as a
// standby is.
func (a *App) takesWrites(ctx context.Context) error {
	var readOnly bool
	err := a.pool.QueryRow(ctx, `SELECT current_setting('transaction_read_only')::boolean`).Scan(&readOnly)
	if err == nil && readOnly {
		err = errors.New("it is read-only")
	}
	return err
}

// checks are what has to be well for the bot to be ready.
func (a *App) checks() []health.Check {
	return []health.Check{
		{Name: "database", Ask: a.takesWrites},
		{Name: "slack", Ask: func(context.Context) error {
			if a.bot.Connected() == 0 {
				return errors.New("no Socket Mode connection is up")
			}
			return nil
		}},
	}
}
