package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sethvargo/go-retry"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
)

// ErrUnshowable means that Slack would refuse to show something; the error says what is wrong,
// and where.
var ErrUnshowable = errors.New("slack would refuse this")

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// Validate asks Slack whether it would show something, and shows it to nobody: the blocks of a
// message, or a whole view (https://docs.slack.dev/reference/methods/blocks.validate). It fails
// with [ErrUnshowable]. When Slack throttles, it waits as long as Slack asks and ctx allows.
func (w *Workspace) Validate(ctx context.Context, surface blockkit.Surface, content json.RawMessage) error {
	name := "view"
	if surface == blockkit.InMessage {
		name = "message"
		content = slices.Concat([]byte(`{"blocks":`), content, []byte(`}`))
	}
	arguments := url.Values{name: {string(content)}}
	var throttled time.Duration
	pause := retry.BackoffFunc(func() (time.Duration, bool) { return throttled, false })
	var last error
	err := retry.Do(ctx, pause, func(ctx context.Context) error {
		var outcome webapi.Outcome
		last = webapi.RetryBriefly(ctx, true, func() error { return w.validate(ctx, arguments) })
		if outcome, throttled = webapi.Classify(last); outcome == webapi.Throttled {
			return retry.RetryableError(last)
		}
		return last
	})
	if ctx.Err() != nil && err != nil {
		return fmt.Errorf("blocks.validate: %w", errors.Join(ctx.Err(), last))
	}
	return err
}

// validate is the call itself, which slack-go does not have.
func (w *Workspace) validate(ctx context.Context, arguments url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.APIURL+"blocks.validate",
		strings.NewReader(arguments.Encode()))
	if err != nil {
		return fmt.Errorf("blocks.validate: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+w.cfg.BotToken.Reveal())
	resp, err := w.http.Do(req)
	if err != nil {
		return fmt.Errorf("blocks.validate: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("blocks.validate: %w", err)
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		return &slack.RateLimitedError{RetryAfter: time.Duration(seconds) * time.Second}
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("blocks.validate: %w", slack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status})
	}
	var verdict validation
	if err := json.Unmarshal(text, &verdict); err != nil {
		return fmt.Errorf("blocks.validate: %w", slack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status})
	}
	return verdict.err()
}

// validation is the answer of blocks.validate.
type validation struct {
	OK     bool   `json:"ok"`
	Error  string `json:"error"`
	Errors []struct {
		Message string `json:"message"`
		Pointer string `json:"pointer"`
	} `json:"errors"`
	Metadata slack.ResponseMetadata `json:"response_metadata"`
}

func (v validation) err() error {
	if v.OK {
		return nil
	}
	if len(v.Errors) == 0 {
		err := slack.SlackErrorResponse{Err: v.Error, ResponseMetadata: v.Metadata}
		return fmt.Errorf("blocks.validate: %w", webapi.Detailed(err))
	}
	reasons := make([]string, len(v.Errors))
	for i, reason := range v.Errors {
		reasons[i] = reason.Pointer + ": " + reason.Message
	}
	return fmt.Errorf("%w: %s", ErrUnshowable, strings.Join(reasons, "; "))
}
