package workspace

import (
	"context"
	"encoding/json"
	"slices"
)

// Screen is all that one person sees of the workspace at one moment.
type Screen struct {
	// Version rises from 1 with every change anywhere in the workspace.
	Version uint64 `json:"version"`
	User    string `json:"user"`
	// Conversations are the channels that the person is in and the direct messages with the app.
	Conversations []Conversation `json:"conversations"`
	// Modals is the stack of open modals, the top one last.
	Modals []Modal `json:"modals,omitempty"`
	// Home is the app's Home tab, if the app has published one for this person.
	Home *Modal `json:"home,omitempty"`
	// Names are displayed names by user, channel and group id.
	Names map[string]string `json:"names"`
}

// Conversation is a channel or direct message as a person sees it.
type Conversation struct {
	Channel
	Messages []Message `json:"messages,omitempty"`
}

// Message is one message as a person sees it.
type Message struct {
	Channel  string `json:"channel"`
	TS       string `json:"ts"`
	ThreadTS string `json:"thread_ts,omitempty"`
	// User is the author's id; FromApp says that the app wrote it.
	User    string          `json:"user"`
	FromApp bool            `json:"from_app,omitempty"`
	Text    string          `json:"text,omitempty"`
	Blocks  json.RawMessage `json:"blocks,omitempty"`
	// Attachments are the app's secondary attachments.
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Files       []File          `json:"files,omitempty"`
	// Ephemeral says that only this person sees it.
	Ephemeral bool `json:"ephemeral,omitempty"`
	Edited    bool `json:"edited,omitempty"`
	Deleted   bool `json:"deleted,omitempty"`
	// Metadata is not shown to people, but any app and, with the API, any user may read it.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	State    json.RawMessage `json:"state,omitempty"`
}

// File is a file in a message.
type File struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Title string `json:"title"`
	Alt   string `json:"alt,omitempty"`
	Data  []byte `json:"data"`
}

// Modal is a view as a person sees it: a modal or, with Kind "home", the Home tab.
type Modal struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	CallbackID string `json:"callback_id,omitempty"`
	Title      string `json:"title,omitempty"`
	Submit     string `json:"submit,omitempty"`
	Close      string `json:"close,omitempty"`
	// Hash changes with every update of the view.
	Hash            string          `json:"hash"`
	PrivateMetadata string          `json:"private_metadata,omitempty"`
	Blocks          json.RawMessage `json:"blocks"`
	// State is what is entered, as values[block_id][action_id].
	State json.RawMessage `json:"state"`
	// Errors are shown at fields, by block_id; Trouble is shown above them.
	Errors  map[string]string `json:"errors,omitempty"`
	Trouble string            `json:"trouble,omitempty"`
}

// Channel finds a conversation by id or name, "" meaning the direct message with the app.
func (s Screen) Channel(name string) (Conversation, bool) {
	for _, c := range s.Conversations {
		if c.ID == name || c.Name != "" && c.Name == name || name == "" && c.With != "" {
			return c, true
		}
	}
	return Conversation{}, false
}

// Top is the modal in front, if one is open.
func (s Screen) Top() (Modal, bool) {
	if len(s.Modals) == 0 {
		return Modal{}, false
	}
	return s.Modals[len(s.Modals)-1], true
}

// Thread is a parent and its replies.
func (c Conversation) Thread(ts string) []Message {
	var all []Message
	for _, m := range c.Messages {
		if m.TS == ts || m.ThreadTS == ts {
			all = append(all, m)
		}
	}
	return all
}

// Root lists the messages that are not replies.
func (c Conversation) Root() []Message {
	return slices.DeleteFunc(slices.Clone(c.Messages), func(m Message) bool { return m.ThreadTS != "" })
}

func rawJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("marshalling what came as JSON: " + err.Error())
	}
	return raw
}

// Look returns what a person sees once the workspace's version is above after; 0 looks at once.
func (w *Workspace) Look(ctx context.Context, user string, after uint64) (Screen, error) {
	w.mu.Lock()
	known := w.users[user] != nil
	w.mu.Unlock()
	if !known {
		return Screen{}, errNoUser(user)
	}
	if after > 0 {
		if _, err := w.Changed(ctx, after); err != nil {
			return Screen{}, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.screens.screen(user), nil
}

// Changed waits until the workspace's version is above after, and returns it.
func (w *Workspace) Changed(ctx context.Context, after uint64) (uint64, error) {
	for {
		w.mu.Lock()
		version, changed := w.version, w.changed
		w.mu.Unlock()
		if version > after {
			return version, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-w.ctx.Done():
			return 0, ErrClosed
		}
	}
}

// screens shows people what they see of the workspace.
type screens struct{ w *Workspace }

// screen draws what a person sees. The caller holds mu.
func (scr *screens) screen(user string) Screen {
	s := Screen{Version: scr.w.version, User: user, Names: map[string]string{}}
	for id, u := range scr.w.users {
		s.Names[id] = u.RealName
	}
	for _, g := range scr.w.cfg.UserGroups {
		s.Names[g.ID] = g.Handle
	}
	for _, id := range scr.w.channels.order {
		cv := scr.w.channels.byID[id]
		s.Names[id] = cv.Name
		if !cv.has(user) {
			continue
		}
		c := Conversation{Channel: cv.Channel}
		for _, m := range cv.messages {
			if m.onlyFor == "" || m.onlyFor == user {
				c.Messages = append(c.Messages, scr.message(cv, m))
			}
		}
		s.Conversations = append(s.Conversations, c)
	}
	for _, v := range scr.w.views.modals[user] {
		s.Modals = append(s.Modals, modalOf(v))
	}
	if v := scr.w.views.homes[user]; v != nil {
		m := modalOf(v)
		s.Home = &m
	}
	return s
}

func (scr *screens) message(cv *conversation, m *message) Message {
	s := Message{
		Channel:   cv.ID,
		TS:        m.ts,
		ThreadTS:  m.threadTS,
		User:      m.user,
		FromApp:   m.fromBot,
		Text:      m.text,
		Ephemeral: m.onlyFor != "",
		Edited:    m.edited,
		Deleted:   m.deleted,
	}
	if len(m.blocks) > 0 {
		s.Blocks, s.State = m.rawBlocks(), rawJSON(m.state)
	}
	if len(m.attachments) > 0 {
		s.Attachments = rawJSON(m.attachments)
	}
	if m.metadata != nil {
		s.Metadata = rawJSON(m.metadata)
	}
	for _, id := range m.files {
		f := scr.w.files.byID[id]
		s.Files = append(s.Files, File{ID: f.id, Name: f.name, Title: f.title, Alt: f.alt, Data: f.data})
	}
	return s
}

// rawBlocks is for messages with blocks. Blocks are replaced as a whole and never changed, and
// people look at them often: they are marshalled once.
func (m *message) rawBlocks() json.RawMessage {
	if first := &m.blocks[0]; m.rawOf != first {
		m.rawOf, m.raw = first, rawJSON(m.blocks)
	}
	return m.raw
}

func modalOf(v *view) Modal {
	text := func(name string) string { return reads(v.content[name]) }
	m := Modal{
		ID:         v.id,
		Kind:       word(v.content["type"]),
		CallbackID: word(v.content["callback_id"]),
		Title:      text("title"),
		Submit:     text("submit"),
		Close: text(
			"close",
		),
		Hash:            v.hash,
		PrivateMetadata: word(v.content["private_metadata"]),
		Blocks:          rawJSON(v.blocks()),
		State:           rawJSON(v.state),
		Trouble:         v.trouble,
	}
	if len(v.errors) > 0 {
		m.Errors = map[string]string{}
		for block, text := range v.errors {
			m.Errors[block] = text
		}
	}
	return m
}
