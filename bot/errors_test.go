package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	type result struct {
		outcome outcome
		wait    time.Duration
	}
	dial := &url.Error{Op: "Post", URL: "https://slack.com", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	read := &url.Error{Op: "Post", URL: "https://slack.com", Err: &net.OpError{Op: "read", Err: errors.New("reset")}}
	for _, tc := range []struct {
		err  error
		want result
	}{
		{nil, result{succeeded, 0}},
		{&slack.RateLimitedError{RetryAfter: 30 * time.Second}, result{throttled, 30 * time.Second}},
		{&slack.RateLimitedError{}, result{throttled, time.Second}},
		{fmt.Errorf("wrapped: %w", &slack.RateLimitedError{RetryAfter: time.Minute}), result{throttled, time.Minute}},
		{slack.StatusCodeError{Code: http.StatusTooManyRequests}, result{throttled, defaultRetryAfter}},
		{slack.StatusCodeError{Code: http.StatusBadGateway}, result{unsure, 0}},
		{slack.StatusCodeError{Code: http.StatusNotFound}, result{refused, 0}},
		{slack.SlackErrorResponse{Err: "ratelimited"}, result{throttled, defaultRetryAfter}},
		{slack.SlackErrorResponse{Err: "internal_error"}, result{unsure, 0}},
		{slack.SlackErrorResponse{Err: "fatal_error"}, result{unsure, 0}},
		{slack.SlackErrorResponse{Err: "channel_not_found"}, result{refused, 0}},
		{slack.SlackErrorResponse{Err: "an_error_of_tomorrow"}, result{refused, 0}},
		{dial, result{unsent, 0}},
		{read, result{unsure, 0}},
		{io.ErrUnexpectedEOF, result{unsure, 0}},
		{context.DeadlineExceeded, result{unsure, 0}},
	} {
		got, wait := classify(tc.err)
		if (result{got, wait}) != tc.want {
			t.Errorf("classify(%v) = %v, %v, want %v", tc.err, got, wait, tc.want)
		}
	}
}

func TestMethodHidesSecretPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/chat.postMessage": "chat.postMessage", "/upload/v1/CwABAAAAw": "other", "/commands/T1/2/secret": "other", "/api/": "other",
	} {
		if got := method(path); got != want {
			t.Errorf("method(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestBackoffGrowsToAMinute(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 5: 32 * time.Second, 6: time.Minute, 1000: time.Minute} {
		if got := backoff(attempts); got != want {
			t.Errorf("backoff(%d) = %s, want %s", attempts, got, want)
		}
	}
}

func TestFrameStaysBelowSlacksLimit(t *testing.T) {
	t.Parallel()
	payload := func(n int) []byte { return []byte(`"` + string(make0(n)) + `"`) }
	empty, err := frame("e", nil)
	if err != nil || string(empty) != `{"envelope_id":"e"}` {
		t.Errorf("%s, %v", empty, err)
	}
	room := maxAckFrame - 1 - len(`{"envelope_id":"e","payload":""}`)
	if got, err := frame("e", payload(room)); err != nil || len(got) != maxAckFrame-1 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := frame("e", payload(room+1)); !errors.Is(err, ErrAckTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}

func make0(n int) []byte {
	zeros := make([]byte, n)
	for i := range zeros {
		zeros[i] = '0'
	}
	return zeros
}

func TestMatchPrefersTheExactAndTheLongest(t *testing.T) {
	t.Parallel()
	handlers := map[string]string{"approve": "exact", "approve*": "short", "approve/now/*": "long", "*": "any"}
	for id, want := range map[string]string{"approve": "exact", "approve/x": "short", "approve/now/x": "long", "approve/now": "short", "reject": "any", "": "any"} {
		if got, ok := match(handlers, id); !ok || got != want {
			t.Errorf("match(%q) = %q, %v, want %q", id, got, ok, want)
		}
	}
	if _, ok := match(map[string]string{"a": ""}, "b"); ok {
		t.Error("matched nothing")
	}
}

func TestRegisteringTwicePanics(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*Router){
		"twice": func(r *Router) { r.Event("app_home_opened", nil); r.Event("app_home_opened", nil) },
		"empty": func(r *Router) { r.Action("", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			register(NewRouter())
		}()
	}
}
