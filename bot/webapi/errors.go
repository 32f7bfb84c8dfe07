package webapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/slack-go/slack"
)

// ErrRevoked means that Slack refuses the tokens or the app; only the configuration can change
// that.
var ErrRevoked = errors.New("slack refuses the app or its tokens")

// Outcome is what is known of a Web API call after it ended.
type Outcome int

const (
	// Succeeded means that Slack did what was asked.
	Succeeded Outcome = iota
	// Refused means that Slack said no, and will say it again.
	Refused
	// Throttled means that Slack did nothing and says when to come back.
	Throttled
	// Unsent means that the call never left this machine.
	Unsent
	// Unsure means that the call may or may not have taken effect.
	Unsure
)

// String names the outcome in metrics.
func (o Outcome) String() string {
	return [...]string{"succeeded", "refused", "throttled", "unsent", "unsure"}[o]
}

// DefaultRetryAfter is how long to wait when Slack throttles without a Retry-After header.
const DefaultRetryAfter = 5 * time.Second

// Classify returns the outcome of a Web API call that returned err, and for Throttled how long to
// wait.
func Classify(err error) (Outcome, time.Duration) {
	if err == nil {
		return Succeeded, 0
	}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return Throttled, max(limited.RetryAfter, time.Second)
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		switch {
		case status.Code == http.StatusTooManyRequests:
			return Throttled, DefaultRetryAfter
		case status.Code >= 500 || status.Code == http.StatusRequestTimeout:
			return Unsure, 0
		default:
			return Refused, 0
		}
	}
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		switch answer.Err {
		case "ratelimited", "rate_limited":
			return Throttled, DefaultRetryAfter
		case "internal_error", "fatal_error", "service_unavailable", "request_timeout":
			return Unsure, 0
		default:
			return Refused, 0
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" && !errors.Is(err, context.Canceled) {
		return Unsent, 0
	}
	return Unsure, 0
}

// TimedOut reports whether a call was given up before Slack answered. Slack may still do what was
// asked.
func TimedOut(err error) bool {
	failed, ok := errors.AsType[net.Error](err)
	return ok && failed.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// Code returns the error code in Slack's answer, such as channel_not_found, or "" for any other
// error.
func Code(err error) string {
	answer, _ := errors.AsType[slack.SlackErrorResponse](err)
	return answer.Err
}

// Detailed adds the messages of Slack's answer, which name the block that is wrong.
func Detailed(err error) error {
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok && len(answer.ResponseMetadata.Messages) > 0 {
		return fmt.Errorf("%w: %q", err, answer.ResponseMetadata.Messages)
	}
	return err
}

// MarkRevoked joins [ErrRevoked] to an error after which no call with these tokens can succeed.
func MarkRevoked(err error) error {
	if slices.Contains(revoked, Code(err)) {
		return errors.Join(ErrRevoked, err)
	}
	return err
}

// revoked are the codes after which no call with these tokens can succeed.
var revoked = []string{
	"invalid_auth",
	"not_authed",
	"account_inactive",
	"token_revoked",
	"token_expired",
	"not_allowed_token_type",
	"no_permission",
	"missing_scope",
	"forbidden_team",
	"org_login_required",
	"team_access_not_granted",
	"app_missing_action_url",
	"insecure_request",
}

// WithoutURL strips the address, which may be a secret, from an error of package url or net/http.
func WithoutURL(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	return err
}
