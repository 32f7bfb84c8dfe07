package workspace

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// conversation is a channel or direct message with its messages.
type conversation struct {
	Channel
	// messages are in the order of their ts, replies and ephemeral ones among them.
	messages []*message
}

// channels are the conversations of the workspace, direct messages among them.
type channels struct {
	w    *Workspace
	byID map[string]*conversation
	// order is the order in which they were made.
	order []string
}

func (chs *channels) addConversation(ch Channel) *conversation {
	cv := &conversation{Channel: ch}
	cv.Members = slices.Clone(ch.Members)
	chs.byID[ch.ID] = cv
	chs.order = append(chs.order, ch.ID)
	return cv
}

func (cv *conversation) has(user string) bool { return slices.Contains(cv.Members, user) }

func (cv *conversation) direct() bool { return cv.With != "" }

// kind is the word that scopes use.
func (cv *conversation) kind() string {
	switch {
	case cv.direct():
		return "im"
	case cv.IsPrivate:
		return "groups"
	}
	return "channels"
}

// find returns a message that is part of the conversation's history; ephemeral ones are not.
func (cv *conversation) find(ts string) *message {
	for _, m := range cv.messages {
		if m.ts == ts && m.onlyFor == "" {
			return m
		}
	}
	return nil
}

// visible returns the conversation if the bot may know of it: a private channel without the bot
// does not exist for it.
func (c *call) visible(id string) (*conversation, error) {
	cv := c.w.channels.byID[id]
	if cv == nil || cv.kind() != "channels" && !cv.has(c.w.cfg.App.BotUserID) {
		return nil, fail("channel_not_found")
	}
	c.channel = cv.ID
	return cv, nil
}

// openDM returns the bot's direct message with a person, and opens it if need be.
func (chs *channels) openDM(user string) (*conversation, error) {
	u := chs.w.users[user]
	switch {
	case u == nil:
		return nil, fail("channel_not_found")
	case u.Deleted:
		return nil, fail("user_disabled")
	case u.ID == chs.w.cfg.App.BotUserID || u.IsBot:
		return nil, fail("cannot_dm_bot")
	case u.IsStranger:
		return nil, fail("channel_not_found")
	}
	for _, cv := range chs.byID {
		if cv.With == user {
			return cv, nil
		}
	}
	return chs.addConversation(
		Channel{ID: chs.w.id("D"), With: user, Members: []string{user, chs.w.cfg.App.BotUserID}},
	), nil
}

func (chs *channels) channelObject(cv *conversation) reply {
	if cv.direct() {
		return reply{
			"id":              cv.ID,
			"is_im":           true,
			"user":            cv.With,
			"is_archived":     false,
			"context_team_id": chs.w.cfg.Team.ID,
		}
	}
	return reply{
		"id":              cv.ID,
		"name":            cv.Name,
		"name_normalized": cv.Name,
		"is_channel":      !cv.IsPrivate,
		"is_group":        cv.IsPrivate,
		"is_im":           false,
		"is_private":      cv.IsPrivate,
		"is_archived":     cv.IsArchived,
		"is_member":       cv.has(chs.w.cfg.App.BotUserID),
		"num_members":     len(cv.Members),
		"context_team_id": chs.w.cfg.Team.ID,
	}
}

func conversationInfo(c *call) (reply, error) {
	cv, err := c.visible(c.args.str("channel"))
	if err != nil {
		return nil, err
	}
	if err := c.need(cv.kind() + ":read"); err != nil {
		return nil, err
	}
	o := c.w.channels.channelObject(cv)
	if !c.args.boolean("include_num_members") {
		delete(o, "num_members")
	}
	return reply{"channel": o}, nil
}

func conversationMembers(c *call) (reply, error) {
	cv, err := c.visible(c.args.str("channel"))
	if err != nil {
		return nil, err
	}
	if err := c.need(cv.kind() + ":read"); err != nil {
		return nil, err
	}
	page, next, err := paged(c, cv.Members, 100)
	if err != nil {
		return nil, err
	}
	return reply{"members": append([]string{}, page...), "response_metadata": reply{"next_cursor": next}}, nil
}

func listConversations(c *call) (reply, error) {
	types := c.args.split("types")
	if len(types) == 0 {
		types = []string{"public_channel"}
	}
	scopes := map[string]string{
		"public_channel":  "channels:read",
		"private_channel": "groups:read",
		"im":              "im:read",
		"mpim":            "mpim:read",
	}
	for _, t := range types {
		if scopes[t] == "" {
			return nil, fail("invalid_types")
		}
		if err := c.need(scopes[t]); err != nil {
			return nil, err
		}
	}
	var ids []string
	for _, id := range c.w.channels.order {
		cv := c.w.channels.byID[id]
		t := map[string]string{"im": "im", "groups": "private_channel", "channels": "public_channel"}[cv.kind()]
		if !slices.Contains(types, t) || t != "public_channel" && !cv.has(c.w.cfg.App.BotUserID) ||
			cv.IsArchived && c.args.boolean("exclude_archived") {
			continue
		}
		ids = append(ids, id)
	}
	page, next, err := paged(c, ids, 100)
	if err != nil {
		return nil, err
	}
	channels := []reply{}
	for _, id := range page {
		channels = append(channels, c.w.channels.channelObject(c.w.channels.byID[id]))
	}
	return reply{"channels": channels, "response_metadata": reply{"next_cursor": next}}, nil
}

func openConversation(c *call) (reply, error) {
	users := c.args.split("users")
	if ch := c.args.str("channel"); ch != "" {
		cv, err := c.visible(ch)
		if err != nil {
			return nil, err
		}
		return reply{"channel": c.w.channels.channelObject(cv)}, nil
	}
	if err := c.need("im:write"); err != nil {
		return nil, err
	}
	switch {
	case len(users) == 0:
		return nil, fail("users_list_not_supplied")
	case len(users) > 1:
		return nil, c.need("mpim:write")
	}
	if c.w.users[users[0]] == nil {
		return nil, fail("user_not_found")
	}
	cv, err := c.w.channels.openDM(users[0])
	if err != nil {
		return nil, err
	}
	c.channel = cv.ID
	return reply{"channel": reply{"id": cv.ID}}, nil
}

func joinConversation(c *call) (reply, error) {
	cv, err := c.visible(c.args.str("channel"))
	switch {
	case err != nil:
		return nil, err
	case cv.kind() != "channels":
		return nil, fail("method_not_supported_for_channel_type")
	case cv.IsArchived:
		return nil, fail("is_archived")
	}
	if bot := c.w.cfg.App.BotUserID; !cv.has(bot) {
		cv.Members = append(cv.Members, bot)
		c.w.touch()
	}
	return reply{"channel": c.w.channels.channelObject(cv)}, nil
}

// paged cuts a list by limit and cursor. Cursors are opaque to the app.
func paged[T any](c *call, all []T, otherwise int) ([]T, string, error) {
	start := 0
	if cursor := c.args.str("cursor"); cursor != "" {
		raw, err := base64.StdEncoding.DecodeString(cursor)
		n, numErr := strconv.Atoi(strings.TrimPrefix(string(raw), "next:"))
		if err != nil || numErr != nil || n < 0 || n > len(all) {
			return nil, "", fail("invalid_cursor")
		}
		start = n
	}
	limit := c.args.integer("limit", otherwise)
	if limit < 1 || limit > 1000 {
		return nil, "", fail("invalid_limit")
	}
	end := min(start+limit, len(all))
	next := ""
	if end < len(all) {
		next = base64.StdEncoding.EncodeToString([]byte("next:" + strconv.Itoa(end)))
	}
	return all[start:end], next, nil
}
