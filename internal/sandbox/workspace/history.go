package workspace

import "slices"

// readable returns a conversation whose messages the bot may read: it must be in it.
func (c *call) readable() (*conversation, error) {
	if err := c.required("channel"); err != nil {
		return nil, err
	}
	cv, err := c.visible(c.args.str("channel"))
	if err != nil {
		return nil, err
	}
	if err := c.need(cv.kind() + ":history"); err != nil {
		return nil, err
	}
	if !cv.has(c.w.cfg.App.BotUserID) {
		return nil, fail("not_in_channel")
	}
	return cv, nil
}

// within keeps messages between oldest and latest; both ends are left out unless inclusive.
func (c *call) within(ts string) bool {
	oldest, latest, inclusive := c.args.str("oldest"), c.args.str("latest"), c.args.boolean("inclusive")
	if inclusive && (ts == oldest || ts == latest) {
		return true
	}
	return (oldest == "" || newer(ts, oldest)) && (latest == "" || newer(latest, ts))
}

// newer compares timestamps, which are decimal numbers with a fraction of six digits or less.
func newer(a, b string) bool { return padded(a) > padded(b) }

func padded(ts string) string {
	whole, fraction := ts, ""
	if i := slices.Index([]byte(ts), '.'); i >= 0 {
		whole, fraction = ts[:i], ts[i+1:]
	}
	for len(whole) < 12 {
		whole = "0" + whole
	}
	for len(fraction) < 6 {
		fraction += "0"
	}
	return whole + fraction
}

// history is the channel's own messages, the newest first; replies are not among them unless
// broadcast.
func history(c *call) (reply, error) {
	cv, err := c.readable()
	if err != nil {
		return nil, err
	}
	var all []*message
	for _, m := range slices.Backward(cv.messages) {
		if m.onlyFor == "" && (m.threadTS == "" || m.broadcast) && c.within(m.ts) {
			all = append(all, m)
		}
	}
	return c.page(cv, all, 100)
}

// replies is a thread: the parent first, then the oldest replies.
func replies(c *call) (reply, error) {
	cv, err := c.readable()
	if err != nil {
		return nil, err
	}
	if err := c.required("ts"); err != nil {
		return nil, err
	}
	parent := cv.find(c.args.str("ts"))
	if parent == nil {
		return nil, fail("thread_not_found")
	}
	all := []*message{parent}
	for _, m := range cv.messages {
		if m.onlyFor == "" && m.threadTS == parent.ts && c.within(m.ts) {
			all = append(all, m)
		}
	}
	return c.page(cv, all, 1000)
}

func (c *call) page(cv *conversation, all []*message, otherwise int) (reply, error) {
	page, next, err := paged(c, all, otherwise)
	if err != nil {
		return nil, err
	}
	messages := []reply{}
	for _, m := range page {
		messages = append(messages, c.w.messages.messageObject(cv, m, c.args.boolean("include_all_metadata")))
	}
	return reply{"messages": messages, "has_more": next != "", "response_metadata": reply{"next_cursor": next}}, nil
}
