package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/webapi"
)

// Installation is the app in the workspace as Slack knows it, for a check of a deployment.
type Installation struct {
	Identity
	// TeamName and Handle are what people call the workspace and the bot.
	TeamName, Handle string
	// Scopes are what the bot token may do, sorted; nil when Slack did not say.
	Scopes []string
	// ClockOffset is how far Slack's clock is ahead of this machine's, with an error of at most
	// ClockError. ClockError is 0 when Slack told no time.
	ClockOffset, ClockError time.Duration
}

// Installation asks Slack about the bot token (auth.test). Errors that no retry can help wrap
// [webapi.ErrRevoked].
func (w *Workspace) Installation(ctx context.Context) (Installation, error) {
	began := time.Now()
	answer, err := w.api.AuthTestContext(ctx)
	took := time.Since(began)
	if err != nil {
		return Installation{}, fmt.Errorf("auth.test: %w", webapi.MarkRevoked(err))
	}
	found := Installation{
		Identity: Identity{Team: answer.TeamID, User: answer.UserID, Bot: answer.BotID, URL: answer.URL},
		TeamName: answer.Team,
		Handle:   answer.User,
	}
	for scope := range strings.SplitSeq(answer.Header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			found.Scopes = append(found.Scopes, scope)
		}
	}
	slices.Sort(found.Scopes)
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		// The header has whole seconds, and the answer was written some time within the call.
		found.ClockOffset = date.Add(500 * time.Millisecond).Sub(began.Add(took / 2))
		found.ClockError = 500*time.Millisecond + took/2
	}
	return found, nil
}

// CheckSocketMode asks Slack for the address of a Socket Mode connection, and does not use it.
// Errors that no retry can help wrap [webapi.ErrRevoked].
func (w *Workspace) CheckSocketMode(ctx context.Context) error {
	if _, _, err := w.api.StartSocketModeContext(ctx); err != nil {
		return fmt.Errorf("apps.connections.open: %w", webapi.MarkRevoked(err))
	}
	return nil
}

// ChannelInfo is a channel as the bot sees it.
type ChannelInfo struct {
	Name             string
	Member, Archived bool
}

// ErrUnknownChannel means a channel that does not exist, or a private one to which the bot was
// not invited: Slack does not say which.
var ErrUnknownChannel = errors.New("channel not found")

// ChannelInfo looks a channel up. It fails with [ErrUnknownChannel].
func (w *Workspace) ChannelInfo(ctx context.Context, channel string) (ChannelInfo, error) {
	var found *slack.Channel
	err := webapi.RetryBriefly(ctx, true, func() (err error) {
		found, err = w.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
		return err
	})
	switch {
	case webapi.Code(err) == "channel_not_found":
		return ChannelInfo{}, fmt.Errorf("channel %s: %w", channel, ErrUnknownChannel)
	case err != nil:
		return ChannelInfo{}, fmt.Errorf("channel %s: conversations.info: %w", channel, err)
	}
	return ChannelInfo{Name: found.Name, Member: found.IsMember, Archived: found.IsArchived}, nil
}
