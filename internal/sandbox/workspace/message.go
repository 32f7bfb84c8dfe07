package workspace

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

// maxText is the length above which Slack may answer msg_too_long. chat.update does so for sure;
// for posts the pages say that text is cut at 40,000, maintainers have seen msg_too_long from
// 4,000 on, and the stricter reading holds.
const maxText = 4000

// maxMetadata is this package's bound; Slack has one (metadata_too_large) but does not say it.
const maxMetadata = 16 << 10

// message is one message in a conversation.
type message struct {
	ts, threadTS string
	user         string
	fromBot      bool
	text         string
	blocks       []any
	state        values
	attachments  []any
	metadata     map[string]any
	files        []string
	broadcast    bool
	edited       bool
	deleted      bool
	// onlyFor is the one person who sees an ephemeral message.
	onlyFor string
	// raw are the blocks as JSON, of those that begin at rawOf.
	raw   json.RawMessage
	rawOf *any
}

// messages reads, keeps and shows messages.
type messages struct{ w *Workspace }

// content is what a message can be made of, as it comes in a call, an acknowledgement or a
// response_url.
type content struct {
	text        *string
	blocks      []any
	hasBlocks   bool
	attachments []any
	hasAttach   bool
	metadata    map[string]any
	hasMetadata bool
}

// readContent checks text, blocks, attachments and metadata as Slack does. The caller holds mu.
func (ms *messages) readContent(a arguments) (content, error) {
	var c content
	if a.has("text") {
		s := a.str("text")
		c.text = &s
	}
	if a.has("markdown_text") {
		if a.has("text") || a.has("blocks") {
			return c, fail("markdown_text_conflict")
		}
		s := a.str("markdown_text")
		c.blocks, c.hasBlocks = []any{map[string]any{"type": "markdown", "text": s}}, true
		c.text = &s
	} else if a.has("blocks") && string(a.raw("blocks")) != "" {
		var err error
		if c.blocks, err = ms.readBlocks(a.raw("blocks")); err != nil {
			return c, err
		}
		c.hasBlocks = true
		ms.complete(c.blocks)
	}
	if c.text != nil && utf8.RuneCountInString(*c.text) > maxText {
		return c, fail("msg_too_long")
	}
	if a.has("attachments") && string(a.raw("attachments")) != "" {
		v, err := blockcheck.Decode(a.raw("attachments"))
		list, ok := v.([]any)
		if err != nil || !ok && v != nil {
			return c, fail("invalid_attachments")
		}
		if len(list) > 100 {
			return c, fail("too_many_attachments")
		}
		c.attachments, c.hasAttach = list, true
	}
	if a.has("metadata") && string(a.raw("metadata")) != "" {
		var err error
		if c.metadata, err = readMetadata(a.raw("metadata")); err != nil {
			return c, err
		}
		c.hasMetadata = true
	}
	return c, nil
}

// readBlocks checks the blocks of a message.
func (ms *messages) readBlocks(raw []byte) ([]any, error) {
	blocks, problems, err := blockcheck.Blocks(raw, ms.blockOptions())
	if errors.Is(err, blockcheck.ErrFormat) {
		return nil, fail("invalid_blocks_format")
	}
	if len(problems) > 0 {
		return nil, invalidBlocks(problems)
	}
	if !blockcheck.OnlyOneTable(blocks) {
		return nil, &apiError{
			code: "invalid_attachments",
			more: reply{"response_metadata": reply{"messages": []string{"[ERROR] only_one_table_allowed"}}},
		}
	}
	if len(raw) > 100<<10 {
		return nil, fail("msg_blocks_too_long")
	}
	return blocks, nil
}

// invalidBlocks is the error of chat methods for bad blocks.
func invalidBlocks(problems []blockcheck.Problem) error {
	var plain, marked []string
	for _, p := range problems {
		plain, marked = append(plain, p.String()), append(marked, "[ERROR] "+p.String())
	}
	return &apiError{
		code: "invalid_blocks",
		more: reply{"errors": plain, "response_metadata": reply{"messages": marked}},
	}
}

func (ms *messages) blockOptions() blockcheck.Options {
	return blockcheck.Options{Unsupported: ms.w.cfg.UnsupportedBlocks, SlackFile: ms.w.files.canShow}
}

// readMetadata wants an event_type and a flat event_payload:
// docs.slack.dev/messaging/message-metadata. An empty object removes.
func readMetadata(raw []byte) (map[string]any, error) {
	if len(raw) > maxMetadata {
		return nil, fail("metadata_too_large")
	}
	v, err := blockcheck.Decode(raw)
	m, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, fail("invalid_metadata_format")
	}
	if len(m) == 0 {
		return nil, nil
	}
	// slack-go sends empty metadata as {"event_type":"","event_payload":null}.
	if word(m["event_type"]) == "" && m["event_payload"] == nil {
		return nil, nil
	}
	payload, isObject := m["event_payload"].(map[string]any)
	if word(m["event_type"]) == "" || !isObject {
		return nil, fail("invalid_metadata_schema")
	}
	for _, v := range payload {
		switch v.(type) {
		case string, bool, json.Number:
		default:
			return nil, fail("invalid_metadata_schema")
		}
	}
	return m, nil
}

// empty reports whether there is nothing to show.
func (c content) empty() bool {
	return (c.text == nil || strings.TrimSpace(*c.text) == "") && len(c.blocks) == 0 && len(c.attachments) == 0
}

// newMessage makes a message of the bot's from content. The caller holds mu.
func (ms *messages) newMessage(c content) *message {
	m := &message{
		ts:          ms.w.ts(),
		user:        ms.w.cfg.App.BotUserID,
		fromBot:     true,
		blocks:      c.blocks,
		attachments: c.attachments,
		metadata:    c.metadata,
		state:       stateOf(c.blocks, nil),
	}
	if c.text != nil {
		m.text = *c.text
	}
	return m
}

// add appends a message to a conversation. The caller holds mu.
func (ms *messages) add(cv *conversation, m *message) {
	cv.messages = append(cv.messages, m)
	ms.w.touch()
}

// messageObject is a message as the Web API and payloads show it.
func (ms *messages) messageObject(cv *conversation, m *message, allMetadata bool) reply {
	o := reply{"type": "message", "ts": m.ts, "text": m.text, "user": m.user, "team": ms.w.cfg.Team.ID}
	if m.fromBot {
		o["bot_id"], o["app_id"] = ms.w.cfg.App.BotID, ms.w.cfg.App.ID
	}
	if len(m.blocks) > 0 {
		o["blocks"] = copied(m.blocks)
	}
	if len(m.attachments) > 0 {
		o["attachments"] = m.attachments
	}
	if m.threadTS != "" {
		o["thread_ts"] = m.threadTS
		if p := cv.find(m.threadTS); p != nil {
			o["parent_user_id"] = p.user
		}
	} else if n, users, latest := cv.thread(m.ts); n > 0 {
		o["thread_ts"], o["reply_count"], o["latest_reply"] = m.ts, n, latest
		o["reply_users"], o["reply_users_count"] = users, len(users)
	}
	if m.broadcast {
		o["subtype"] = "thread_broadcast"
	}
	if m.metadata != nil {
		o["metadata"] = m.metadata
		if !allMetadata {
			o["metadata"] = reply{"event_type": m.metadata["event_type"]}
		}
	}
	if m.edited {
		o["edited"] = reply{"user": m.user, "ts": m.ts}
	}
	if len(m.files) > 0 {
		var all []reply
		for _, id := range m.files {
			all = append(all, ms.w.files.fileObject(ms.w.files.byID[id]))
		}
		o["files"] = all
	}
	if m.deleted {
		return reply{
			"type":         "message",
			"subtype":      "tombstone",
			"ts":           m.ts,
			"thread_ts":    m.ts,
			"user":         "USLACKBOT",
			"text":         "This message was deleted.",
			"reply_count":  o["reply_count"],
			"latest_reply": o["latest_reply"],
		}
	}
	return o
}

// thread counts the replies of a parent.
func (cv *conversation) thread(ts string) (n int, users []string, latest string) {
	for _, m := range cv.messages {
		if m.threadTS == ts && m.onlyFor == "" {
			n++
			latest = m.ts
			if !slices.Contains(users, m.user) {
				users = append(users, m.user)
			}
		}
	}
	return n, users, latest
}
