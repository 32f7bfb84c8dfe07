// Package post has what the bot posts: messages, files and replies. It does no I/O, so what
// renders them needs neither a database nor a Slack client.
package post

import (
	"time"

	"github.com/slack-go/slack"
)

// Message is what Slack should show under a key: a message, or a file in a conversation.
type Message struct {
	// Key is the identity of the message, such as run/UUID/root. It travels in the message's
	// metadata, which everyone in the workspace can read: ids only. At most 200 bytes.
	Key string
	// Channel is a channel (C…, G…), a DM (D…), or a person (U…, W…) whose DM is opened.
	Channel string
	// Thread is the key of the parent, which is in the same channel and was put before, or in the
	// same call; empty for top level.
	Thread string
	// ThreadTS is the timestamp of a parent that the outbox did not post. Only one of Thread and
	// ThreadTS is set.
	ThreadTS string
	// Text says everything in plain words, escaped; the outbox cuts it to 4,000 characters.
	// Notifications and screen readers use it.
	Text string
	// Blocks are shown instead of Text where there are any.
	Blocks []slack.Block
	// Fallback is shown where a workspace refuses Blocks with invalid_blocks, as old ones refuse a
	// plan or a data table.
	Fallback []slack.Block
	// Urgent content is sent without waiting until bot.Config.UpdateEvery has passed since the
	// update before it: it asks somebody something, or is the last.
	Urgent bool
	// File makes this a file instead; Text becomes its description for screen readers, and Blocks
	// and Fallback are not used.
	File *File
}

// File is content that is too long for a message. It is uploaded once and never replaced.
type File struct {
	// Name is the file's name with its extension, Title what people see.
	Name, Title string
	// Content has at least one byte.
	Content []byte
}

// Reply is what a slash command answers: a message that only the person sees. The zero value
// shows nothing.
type Reply struct {
	Text   string
	Blocks []slack.Block
	// InChannel shows the answer, and the command that was typed, to everyone.
	InChannel bool
}

// Backlog is what waits for Slack to take it.
type Backlog struct {
	// Messages is how many wait. The zero value is no backlog.
	Messages int
	// Age is how long the oldest has waited, and Next in how long the next attempt is made.
	Age, Next time.Duration
}
