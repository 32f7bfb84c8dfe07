package bot

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/slack-go/slack"
)

var (
	// ErrAckTooLarge means an acknowledgement of 20,480 bytes or more, which Slack would drop.
	ErrAckTooLarge = errors.New("acknowledgement exceeds Slack's frame limit")
	// ErrRevoked means that Slack refuses the tokens or the app; only the configuration can change that.
	ErrRevoked = errors.New("slack refuses the app or its tokens")
	// ErrUnknownMessage means that the outbox holds no such message, or that Slack has not got it yet.
	ErrUnknownMessage = errors.New("message not found in the outbox")
	// ErrForeignTeam means a person of another workspace.
	ErrForeignTeam = errors.New("person belongs to another workspace")
	// ErrBadResponseURL means a response_url that is no address; the address itself is secret.
	ErrBadResponseURL = errors.New("response_url is not a valid address")
	// ErrUnknownPerson means that Slack knows no such user, or none that the bot may see.
	ErrUnknownPerson = errors.New("person not found")
)

// outcome is what is known of a Web API call after it ended.
type outcome int

const (
	succeeded outcome = iota
	// refused: Slack said no, and will say it again.
	refused
	// throttled: Slack did nothing and says when to come back.
	throttled
	// unsent: the call never left this machine.
	unsent
	// unsure: it may or may not have happened.
	unsure
)

// String names the outcome in metrics.
func (o outcome) String() string {
	return [...]string{"succeeded", "refused", "throttled", "unsent", "unsure"}[o]
}

// defaultRetryAfter holds when Slack throttles without saying for how long.
const defaultRetryAfter = 5 * time.Second

// classify tells what an error of a Web API call means, and for throttled how long to wait.
func classify(err error) (outcome, time.Duration) {
	if err == nil {
		return succeeded, 0
	}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return throttled, max(limited.RetryAfter, time.Second)
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		switch {
		case status.Code == http.StatusTooManyRequests:
			return throttled, defaultRetryAfter
		case status.Code >= 500 || status.Code == http.StatusRequestTimeout:
			return unsure, 0
		default:
			return refused, 0
		}
	}
	if answer, ok := asAnswer(err); ok {
		switch answer.Err {
		case "ratelimited", "rate_limited":
			return throttled, defaultRetryAfter
		case "internal_error", "fatal_error", "service_unavailable", "request_timeout":
			return unsure, 0
		default:
			return refused, 0
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" && !errors.Is(err, context.Canceled) {
		return unsent, 0
	}
	return unsure, 0
}

// code is Slack's own name of the error, or "".
func code(err error) string {
	answer, _ := asAnswer(err)
	return answer.Err
}

func asAnswer(err error) (slack.SlackErrorResponse, bool) {
	return errors.AsType[slack.SlackErrorResponse](err)
}

// revocation marks an error that no retry can help with [ErrRevoked].
func revocation(err error) error {
	if revoked(err) {
		return errors.Join(ErrRevoked, err)
	}
	return err
}

// revoked reports whether the error means that no call with these tokens can succeed any more.
func revoked(err error) bool {
	return slices.Contains([]string{"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
		"not_allowed_token_type", "no_permission", "missing_scope", "forbidden_team", "org_login_required",
		"team_access_not_granted", "app_missing_action_url", "insecure_request"}, code(err))
}
