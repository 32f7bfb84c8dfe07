package outbox

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
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
	// Text says everything in plain words, escaped; it is cut to [blockkit.MaxText]. Notifications
	// and screen readers use it.
	Text string
	// Blocks are shown instead of Text where there are any.
	Blocks []slack.Block
	// Fallback is shown where a workspace refuses Blocks with invalid_blocks, as old ones refuse a
	// plan.
	Fallback []slack.Block
	// Last says that the content is meant to stay. It is sent without waiting until
	// bot.Config.UpdateEvery has passed since the update before it.
	Last bool
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

// maxKey is the longest key, in bytes.
const maxKey = 200

func (m Message) validate() error {
	switch {
	case m.Key == "" || len(m.Key) > maxKey:
		return fmt.Errorf("key must have 1 to %d bytes", maxKey)
	case m.Channel == "":
		return errors.New("channel is empty")
	case m.Thread != "" && m.ThreadTS != "":
		return errors.New("thread is set by key and by timestamp")
	case m.File != nil && (m.File.Name == "" || len(m.File.Content) == 0):
		return errors.New("a file needs a name and content")
	case m.File == nil && m.Text == "":
		return errors.New("text is empty")
	}
	return nil
}

// content is a message as it is stored. The hash identifies it.
type content struct {
	text             string
	blocks, fallback []byte
	hash             []byte
}

func (m Message) content() (content, error) {
	if err := m.validate(); err != nil {
		return content{}, err
	}
	// PostgreSQL has no NUL in text, and Slack shows nothing for one.
	text := strings.ToValidUTF8(strings.ReplaceAll(m.Text, "\x00", ""), "\uFFFD")
	c := content{text: blockkit.Truncate(text, blockkit.MaxText)}
	var err error
	if c.blocks, err = encodeBlocks(m.Blocks); err != nil {
		return content{}, err
	}
	if c.fallback, err = encodeBlocks(m.Fallback); err != nil {
		return content{}, err
	}
	sum := sha256.New()
	parts := [][]byte{[]byte(c.text), c.blocks, c.fallback}
	if m.File != nil {
		parts = append(parts, []byte(m.File.Name), []byte(m.File.Title), m.File.Content)
	}
	for _, part := range parts {
		_ = binary.Write(sum, binary.BigEndian, int64(len(part)))
		sum.Write(part)
	}
	c.hash = sum.Sum(nil)
	return c, nil
}

func encodeBlocks(blocks []slack.Block) ([]byte, error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	encoded, err := json.Marshal(blocks)
	if err != nil {
		return nil, fmt.Errorf("encode blocks: %w", err)
	}
	return encoded, nil
}

// storedBlock is a block as it was put, byte for byte; slack-go may not know all of it.
type storedBlock struct{ json.RawMessage }

// BlockType implements slack.Block.
func (storedBlock) BlockType() slack.MessageBlockType { return "" }

// ID implements slack.Block.
func (storedBlock) ID() string { return "" }

func decodeBlocks(blocks []byte) []slack.Block {
	var raw []json.RawMessage
	if len(blocks) == 0 || json.Unmarshal(blocks, &raw) != nil {
		return nil
	}
	set := make([]slack.Block, len(raw))
	for i, block := range raw {
		set[i] = storedBlock{block}
	}
	return set
}
