package pgproxy

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// session follows the messages of one connection
// (https://www.postgresql.org/docs/current/protocol-message-formats.html).
type session struct {
	onCommit func(Commit) (drop bool)

	client, server messages
	statements     map[string]string // prepared ones, by name

	mu     sync.Mutex
	writes []string // see Commit
}

// fromClient looks at what the client sent, before the server gets it.
func (s *session) fromClient(data []byte) (drop bool) {
	if s.onCommit == nil {
		return false
	}
	if !s.client.started {
		if data = s.client.startup(data); !s.client.started {
			return false
		}
	}
	s.client.each(data, func(kind byte, body []byte) {
		switch kind {
		case 'Q':
			if text := cString(body); strings.EqualFold(text, "commit") {
				drop = drop || s.onCommit(Commit{Writes: s.wrote()})
			} else {
				s.note(text)
			}
		case 'P':
			name, rest, _ := bytes.Cut(body, []byte{0})
			s.statements[string(name)] = cString(rest)
		case 'B':
			_, rest, _ := bytes.Cut(body, []byte{0})
			s.note(s.statements[cString(rest)])
		}
	})
	return drop
}

// fromServer looks at what the server sent, before the client gets it.
func (s *session) fromServer(data []byte) (drop bool) {
	if s.onCommit == nil {
		return false
	}
	s.server.each(data, func(kind byte, body []byte) {
		if kind == 'C' && cString(body) == "COMMIT" {
			drop = drop || s.onCommit(Commit{Writes: s.wrote(), After: true})
		}
	})
	return drop
}

var writing = regexp.MustCompile(`(?i)\b(INSERT INTO|UPDATE|DELETE FROM)\s+([\w."]+)`)

// note remembers what a transaction writes.
func (s *session) note(sql string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(strings.ToLower(sql), "begin") {
		s.writes = nil
	} else if found := writing.FindStringSubmatch(sql); found != nil {
		if write := strings.ToUpper(found[1]) + " " + found[2]; !slices.Contains(s.writes, write) {
			s.writes = append(s.writes, write)
		}
	}
}

func (s *session) wrote() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.writes, ", ")
}

// messages cuts one direction into messages.
type messages struct {
	started bool
	rest    []byte
}

// startup takes off the first message of a client, which has no type.
func (m *messages) startup(data []byte) []byte {
	m.rest = append(m.rest, data...)
	if len(m.rest) < 4 {
		return nil
	}
	length := int(binary.BigEndian.Uint32(m.rest))
	if len(m.rest) < length {
		return nil
	}
	data, m.rest, m.started = bytes.Clone(m.rest[length:]), nil, true
	return data
}

func (m *messages) each(data []byte, handle func(kind byte, body []byte)) {
	m.rest = append(m.rest, data...)
	for len(m.rest) >= 5 {
		end := 1 + int(binary.BigEndian.Uint32(m.rest[1:]))
		if len(m.rest) < end {
			return
		}
		handle(m.rest[0], m.rest[5:end])
		m.rest = m.rest[end:]
	}
}

// cString is a text up to its NUL.
func cString(body []byte) string {
	text, _, _ := bytes.Cut(body, []byte{0})
	return string(text)
}
