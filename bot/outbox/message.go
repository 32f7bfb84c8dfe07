package outbox

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
)

// maxKey is the longest key, in bytes.
const maxKey = 200

func validate(m post.Message) error {
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

func contentOf(m post.Message) (content, error) {
	if err := validate(m); err != nil {
		return content{}, fmt.Errorf("%w: %w", errInvalid, err)
	}
	c := content{text: blockkit.Truncate(storable(m.Text), blockkit.MaxText)}
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
