package bot

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/post"
)

// FuzzEnvelope decodes whatever comes over a connection and runs what it is for: it is refused, or
// handled with an identity.
func FuzzEnvelope(f *testing.F) {
	for _, frame := range []string{
		`{"type":"slash_commands","envelope_id":"e","payload":{"team_id":"T1","user_id":"U1",` +
			`"command":"/onboard","text":"a"}}`,
		`{"type":"interactive","envelope_id":"e","payload":{"type":"block_actions","user":{"id":"U1","team_id":"T1"},` +
			`"trigger_id":"t","container":{"channel_id":"C1","message_ts":"1.2"},"message":{"ts":"1.2","blocks":[` +
			`{"type":"actions","block_id":"b","elements":[]}]},"actions":[{"action_id":"approve","value":"x"}]}}`,
		`{"type":"interactive","envelope_id":"e","payload":{"type":"view_submission","view":{"callback_id":"form",` +
			`"private_metadata":"m","blocks":[{"type":"input","block_id":"slug"}],"state":{"values":{"slug":{"slug":` +
			`{"type":"plain_text_input","value":"a"}}}}}}}`,
		`{"type":"interactive","payload":{"type":"block_suggestion","action_id":"org","value":"x"}}`,
		`{"type":"events_api","payload":{"team_id":"T1","event_id":"Ev1",` +
			`"event":{"type":"app_home_opened","user":"U1"}}}`,
		`{"type":"events_api","payload":{"event":{"type":"app_home_opened","user":{"id":"U1"},"channel":{}}}}`,
		`{"type":"disconnect","reason":"refresh_requested"}`, `{"type":"hello","payload":null}`,
		`{"type":"interactive","payload":{"type":"block_actions","actions":[null]}}`,
	} {
		f.Add([]byte(frame))
	}
	router := NewRouter()
	router.Command("/onboard", func(context.Context, Command) (post.Reply, error) { return post.Reply{}, nil })
	router.Action("*", func(context.Context, Action) error { return nil })
	router.View("*", func(context.Context, Submission) (Answer, error) { return Answer{}, nil })
	router.Options("*", func(context.Context, Suggestion) ([]*slack.OptionBlockObject, error) { return nil, nil })
	router.Event("app_home_opened", func(context.Context, Event) error { return nil })
	f.Fuzz(func(t *testing.T, frame []byte) {
		var received envelope
		if json.Unmarshal(frame, &received) != nil {
			return
		}
		decoded, err := router.decode(received)
		if err != nil {
			return
		}
		if decoded.class < 0 || decoded.class >= classes {
			t.Errorf("class %d", decoded.class)
		}
		if decoded.run == nil {
			return
		}
		if reply, err := decoded.run(t.Context()); err == nil && reply != nil && !json.Valid(reply) {
			t.Errorf("the reply is %s", reply)
		}
	})
}
