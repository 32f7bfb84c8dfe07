package workspace

import (
	"slices"
	"strings"
)

// target finds where a message may go, as chat.postMessage and chat.postEphemeral do.
func (c *call) target() (*conversation, error) {
	id := c.args.str("channel")
	if id == "" {
		return nil, fail("channel_not_found")
	}
	if c.w.users[id] != nil {
		cv, err := c.w.channels.openDM(id)
		if err == nil {
			c.channel = cv.ID
		}
		return cv, err
	}
	cv, err := c.visible(id)
	switch {
	case err != nil:
		return nil, err
	case cv.IsArchived:
		return nil, fail("is_archived")
	case !cv.has(c.w.cfg.App.BotUserID) && c.need("chat:write.public") != nil:
		return nil, fail("not_in_channel")
	}
	return cv, nil
}

// parent checks thread_ts: a message that is there, and never itself a reply.
func (c *call) parent(cv *conversation) (string, error) {
	ts := c.args.str("thread_ts")
	if ts == "" {
		return "", nil
	}
	switch m := cv.find(ts); {
	case m == nil:
		return "", fail("thread_not_found")
	case m.threadTS != "":
		return "", fail("cannot_reply_to_message")
	}
	return ts, nil
}

// postMessage is docs.slack.dev/reference/methods/chat.postMessage.
func postMessage(c *call) (reply, error) {
	w := c.w
	cv, err := c.target()
	if err != nil {
		return nil, err
	}
	if err := w.rates.limitPost(cv.ID); err != nil {
		return nil, err
	}
	thread, err := c.parent(cv)
	if err != nil {
		return nil, err
	}
	content, err := w.messages.readContent(c.args)
	if err != nil {
		return nil, err
	}
	if content.empty() {
		return nil, fail("no_text")
	}
	for _, name := range []string{"username", "icon_url", "icon_emoji"} {
		if c.args.str(name) != "" {
			if err := c.need("chat:write.customize"); err != nil {
				return nil, err
			}
		}
	}
	m := w.messages.newMessage(content)
	m.threadTS, m.broadcast = thread, thread != "" && c.args.boolean("reply_broadcast")
	w.messages.add(cv, m)
	c.ts = m.ts
	return reply{"channel": cv.ID, "ts": m.ts, "message": w.messages.messageObject(cv, m, true)}, nil
}

// postEphemeral shows a message to one person. In a thread it shows only if the thread is active;
// it is never in the history.
func postEphemeral(c *call) (reply, error) {
	w := c.w
	cv, err := c.target()
	if err != nil {
		return nil, err
	}
	user := c.args.str("user")
	if !cv.has(user) {
		return nil, fail("user_not_in_channel")
	}
	thread, err := c.parent(cv)
	if err != nil {
		return nil, err
	}
	delete(c.args, "metadata")
	content, err := w.messages.readContent(c.args)
	if err != nil {
		return nil, err
	}
	if content.empty() {
		return nil, fail("no_text")
	}
	m := w.messages.newMessage(content)
	m.onlyFor, m.threadTS = user, thread
	c.ts = m.ts
	if n, _, _ := cv.thread(thread); thread != "" && n == 0 {
		w.record(Event{
			Kind:    KindTrouble,
			Name:    "chat.postEphemeral",
			Detail:  "the thread is not active, nobody sees it",
			Channel: cv.ID,
			TS:      thread,
			User:    user,
		})
		return reply{"message_ts": m.ts}, nil
	}
	w.messages.add(cv, m)
	return reply{"message_ts": m.ts}, nil
}

// own finds a message of the bot's to edit or delete; direct messages need the D id.
func (c *call) own(cant string) (*conversation, *message, error) {
	if err := c.required("channel", "ts"); err != nil {
		return nil, nil, err
	}
	cv, err := c.visible(c.args.str("channel"))
	if err != nil {
		return nil, nil, err
	}
	m := cv.find(c.args.str("ts"))
	switch {
	case m == nil || m.deleted:
		return nil, nil, fail("message_not_found")
	case !m.fromBot:
		return nil, nil, fail(cant)
	}
	c.ts = m.ts
	return cv, m, nil
}

// updateMessage is docs.slack.dev/reference/methods/chat.update: text without blocks removes the
// blocks; attachments and metadata stay if omitted.
func updateMessage(c *call) (reply, error) {
	cv, m, err := c.own("cant_update_message")
	if err != nil {
		return nil, err
	}
	if cv.IsArchived {
		return nil, fail("is_inactive")
	}
	content, err := c.w.messages.readContent(c.args)
	if err != nil {
		return nil, err
	}
	if content.text == nil && !content.hasBlocks && !content.hasAttach {
		return nil, fail("no_text")
	}
	blocks, text, attachments := m.blocks, m.text, m.attachments
	if content.text != nil {
		text = *content.text
	}
	if content.text != nil || content.hasBlocks {
		blocks = content.blocks
	}
	if content.hasAttach {
		attachments = content.attachments
	}
	if strings.TrimSpace(text) == "" && len(blocks) == 0 && len(attachments) == 0 && len(m.files) == 0 {
		return nil, fail("no_text")
	}
	if content.hasMetadata {
		m.metadata = content.metadata
	}
	m.blocks, m.text, m.attachments = blocks, text, attachments
	m.state = stateOf(m.blocks, m.state)
	m.edited = len(m.blocks) == 0
	c.w.touch()
	return reply{"channel": cv.ID, "ts": m.ts, "text": m.text, "message": c.w.messages.messageObject(cv, m, true)}, nil
}

// deleteMessage removes a message; a parent with replies leaves a tombstone, and the replies
// stay.
func deleteMessage(c *call) (reply, error) {
	cv, m, err := c.own("cant_delete_message")
	if err != nil {
		return nil, err
	}
	c.w.messages.remove(cv, m)
	return reply{"channel": cv.ID, "ts": m.ts}, nil
}

func (ms *messages) remove(cv *conversation, m *message) {
	if n, _, _ := cv.thread(m.ts); n > 0 && m.onlyFor == "" {
		m.deleted, m.blocks, m.text, m.attachments, m.files = true, nil, "", nil, nil
	} else {
		cv.messages = slices.DeleteFunc(cv.messages, func(x *message) bool { return x == m })
	}
	ms.w.touch()
}

func getPermalink(c *call) (reply, error) {
	if err := c.required("channel", "message_ts"); err != nil {
		return nil, err
	}
	cv, err := c.visible(c.args.str("channel"))
	if err != nil {
		return nil, err
	}
	m := cv.find(c.args.str("message_ts"))
	if m == nil {
		return nil, fail("message_not_found")
	}
	return reply{"channel": cv.ID, "permalink": c.w.messages.permalink(cv, m)}, nil
}

func (ms *messages) permalink(cv *conversation, m *message) string {
	link := "https://" + ms.w.cfg.Team.Domain + ".slack.com/archives/" + cv.ID + "/p" + strings.ReplaceAll(
		m.ts,
		".",
		"",
	)
	if m.threadTS != "" {
		link += "?thread_ts=" + m.threadTS + "&cid=" + cv.ID
	}
	return link
}
