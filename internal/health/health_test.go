package health_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlilith/onboardbot/internal/health"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	var broken error
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "things"}, func() float64 { return 3 }))
	handler := health.Handler(registry, health.Check{Name: "slack", Ask: func(context.Context) error { return broken }})
	get := func(path string) (int, string) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
		return recorder.Code, recorder.Body.String()
	}
	for _, want := range []struct {
		path, body string
		code       int
		broken     error
	}{
		{"/healthz", "ok\n", 200, errors.New("away")},
		{"/readyz", "ready\n", 200, nil},
		{"/readyz", "slack: away\n", 503, errors.New("away")},
		{"/metrics", "things 3\n", 200, nil},
		{"/", "404 page not found\n", 404, nil},
	} {
		broken = want.broken
		if code, body := get(want.path); code != want.code || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %q, want %d %q", want.path, code, body, want.code, want.body)
		}
	}
}
