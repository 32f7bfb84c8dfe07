package workspace

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

// maxResponses is how often a response_url may be used.
const maxResponses = 5

// response is a response_url: it lives 30 minutes and takes 5 messages.
type response struct {
	user    string
	channel string
	issued  time.Time
	uses    int
	// original is the message that the interaction came from or, for a command, what the app last
	// answered ephemerally.
	original *message
	thread   string
}

// newResponse issues a response_url. The caller holds mu.
func (w *Workspace) newResponse(user string, cv *conversation, original *message) (string, *response) {
	r := &response{user: user, channel: cv.ID, issued: time.Now(), original: original}
	if original != nil {
		r.thread = original.threadTS
	}
	id := w.id("R") + w.id("")
	w.responses[id] = r
	return w.base + "/response/" + id, r
}

// serveResponse takes a message for a response_url:
// docs.slack.dev/interactivity/handling-user-interaction.
func (w *Workspace) serveResponse(rw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	w.mu.Lock()
	defer w.mu.Unlock()
	e := Event{Kind: KindResponseURL, Name: "response_url"}
	if err == nil {
		err = w.respond(r.PathValue("id"), body, &e)
	}
	e.Latency = time.Since(start)
	if err == nil {
		w.record(e)
		_, _ = io.WriteString(rw, "ok")
		return
	}
	e.Error = err.Error()
	w.record(e)
	var failed *apiError
	if errors.As(err, &failed) {
		failed.status = http.StatusNotFound
	}
	w.answer(rw, nil, err)
}

func (w *Workspace) respond(id string, body []byte, e *Event) error {
	res := w.responses[id]
	switch {
	case res == nil:
		return fail("invalid_url")
	case time.Since(res.issued) > w.cfg.Timing.ResponseURL:
		return fail("expired_url")
	case res.uses >= maxResponses:
		return fail("used_url")
	}
	e.Channel, e.User = res.channel, res.user
	v, err := blockcheck.Decode(body)
	args := arguments(object(v))
	if err != nil || args == nil {
		return fail("invalid_payload")
	}
	cv := w.conversations[res.channel]
	if args.boolean("delete_original") {
		if res.original == nil {
			return fail("message_not_found")
		}
		w.remove(cv, res.original)
		res.original = nil
		res.uses++
		return nil
	}
	c, err := w.readContent(args)
	if err != nil {
		return err
	}
	if c.empty() {
		return fail("no_text")
	}
	kind, thread := args.str("response_type"), args.str("thread_ts")
	if thread != "" && (kind != "in_channel" || args.boolean("replace_original")) {
		return fail("invalid_payload")
	}
	res.uses++
	if o := res.original; args.boolean("replace_original") && o != nil {
		// An ephemeral message stays ephemeral, whatever response_type says.
		o.text, o.blocks, o.attachments = "", c.blocks, c.attachments
		if c.text != nil {
			o.text = *c.text
		}
		o.state = stateOf(o.blocks, o.state)
		e.TS = o.ts
		w.touch()
		return nil
	}
	m := w.newMessage(c)
	m.threadTS = thread
	if kind != "in_channel" {
		m.onlyFor = res.user
		m.threadTS = res.thread
		res.original = m
	}
	e.TS = m.ts
	w.add(cv, m)
	return nil
}
