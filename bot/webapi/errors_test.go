package webapi

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
		outcome Outcome
		wait    time.Duration
	}
	dial := &url.Error{Op: "Post", URL: "https://slack.com", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	read := &url.Error{Op: "Post", URL: "https://slack.com", Err: &net.OpError{Op: "read", Err: errors.New("reset")}}
	for _, tc := range []struct {
		err  error
		want result
	}{
		{nil, result{Succeeded, 0}},
		{&slack.RateLimitedError{RetryAfter: 30 * time.Second}, result{Throttled, 30 * time.Second}},
		{&slack.RateLimitedError{}, result{Throttled, time.Second}},
		{fmt.Errorf("wrapped: %w", &slack.RateLimitedError{RetryAfter: time.Minute}), result{Throttled, time.Minute}},
		{slack.StatusCodeError{Code: http.StatusTooManyRequests}, result{Throttled, DefaultRetryAfter}},
		{slack.StatusCodeError{Code: http.StatusBadGateway}, result{Unsure, 0}},
		{slack.StatusCodeError{Code: http.StatusNotFound}, result{Refused, 0}},
		{slack.SlackErrorResponse{Err: "ratelimited"}, result{Throttled, DefaultRetryAfter}},
		{slack.SlackErrorResponse{Err: "internal_error"}, result{Unsure, 0}},
		{slack.SlackErrorResponse{Err: "fatal_error"}, result{Unsure, 0}},
		{slack.SlackErrorResponse{Err: "channel_not_found"}, result{Refused, 0}},
		{slack.SlackErrorResponse{Err: "an_error_of_tomorrow"}, result{Refused, 0}},
		{dial, result{Unsent, 0}},
		{read, result{Unsure, 0}},
		{io.ErrUnexpectedEOF, result{Unsure, 0}},
		{context.DeadlineExceeded, result{Unsure, 0}},
	} {
		got, wait := Classify(tc.err)
		if (result{got, wait}) != tc.want {
			t.Errorf("Classify(%v) = %v, %v, want %v", tc.err, got, wait, tc.want)
		}
	}
}
