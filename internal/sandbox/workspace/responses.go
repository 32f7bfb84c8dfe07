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

// responses are the response URLs that were issued.
type responses struct {
	w    *Workspace
	byID map[string]*response
}

// newResponse issues a response_url. The caller holds mu.
func (rs *responses) newResponse(user string, cv *conversation, original *message) (string, *response) {
	r := &response{user: user, channel: cv.ID, issued: time.Now(), original: original}
	if original != nil {
		r.thread = original.threadTS
	}
	id := rs.w.id("R") + rs.w.id("")
	rs.byID[id] = r
	return rs.w.base + "/response/" + id, r
}

// serveResponse takes a message for a response_url:
// docs.slack.dev/interactivity/handling-user-interaction.
func (rs *responses) serveResponse(rw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	rs.w.mu.Lock()
	defer rs.w.mu.Unlock()
	e := Event{Kind: KindResponseURL, Name: "response_url"}
	if err == nil {
		err = rs.respond(r.PathValue("id"), body, &e)
	}
	e.Latency = time.Since(start)
	if err == nil {
		rs.w.record(e)
		_, _ = io.WriteString(rw, "ok")
		return
	}
	e.Error = err.Error()
	rs.w.record(e)
	var failed *apiError
	if errors.As(err, &failed) {
		failed.status = http.StatusNotFound
	}
	rs.w.api.answer(rw, nil, err)
}

func (rs *responses) respond(id string, body []byte, e *Event) error {
	res := rs.byID[id]
	switch {
	case res == nil:
		return fail("invalid_url")
	case time.Since(res.issued) > rs.w.cfg.Timing.ResponseURL:
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
	cv := rs.w.channels.byID[res.channel]
	if args.boolean("delete_original") {
		if res.original == nil {
			return fail("message_not_found")
		}
		rs.w.messages.remove(cv, res.original)
		res.original = nil
		res.uses++
		return nil
	}
	c, err := rs.w.messages.readContent(args)
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
		rs.w.touch()
		return nil
	}
	m := rs.w.messages.newMessage(c)
	m.threadTS = thread
	if kind != "in_channel" {
		m.onlyFor = res.user
		m.threadTS = res.thread
		res.original = m
	}
	e.TS = m.ts
	rs.w.messages.add(cv, m)
	return nil
}
