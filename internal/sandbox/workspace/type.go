package workspace

import (
	"encoding/json"
	"regexp"
	"strings"
)

// trouble is what people read when the app's answer to a form cannot be used.
const troubleConnecting = "We had some trouble connecting. Try again?"

// typeText sends a message or runs a slash command.
func (ps *people) typeText(u *User, a Action) (Outcome, error) {
	name, rest, _ := strings.Cut(a.Text, " ")
	ps.w.mu.Lock()
	cv, err := ps.findConversation(u, a.Channel)
	if err != nil {
		ps.w.mu.Unlock()
		return Outcome{}, err
	}
	if cv.IsArchived {
		ps.w.mu.Unlock()
		return Outcome{}, cannot("#%s is archived", cv.Name)
	}
	if !strings.HasPrefix(a.Text, "/") {
		defer ps.w.mu.Unlock()
		return ps.post(u, cv, a)
	}
	if a.Thread != "" {
		ps.w.mu.Unlock()
		return Outcome{}, cannot("%s is not supported in threads. Sorry!", name)
	}
	var command *Command
	for i, c := range ps.w.cfg.App.Commands {
		if c.Name == name {
			command = &ps.w.cfg.App.Commands[i]
		}
	}
	if command == nil {
		ps.w.mu.Unlock()
		return Outcome{Error: name + " is not a valid command."}, nil
	}
	text := strings.TrimSpace(rest)
	if command.ShouldEscape {
		text = ps.escape(text, true)
	}
	link, res := ps.w.responses.newResponse(u.ID, cv, nil)
	channelName := cv.Name
	if cv.direct() {
		channelName = "directmessage"
	} else if cv.IsPrivate {
		channelName = "privategroup"
	}
	payload := reply{
		"token":                 "deprecated",
		"team_id":               u.TeamID,
		"team_domain":           ps.w.cfg.Team.Domain,
		"channel_id":            cv.ID,
		"channel_name":          channelName,
		"user_id":               u.ID,
		"user_name":             u.Name,
		"command":               name,
		"text":                  text,
		"api_app_id":            ps.w.cfg.App.ID,
		"is_enterprise_install": "false",
		"response_url":          link,
		"trigger_id":            ps.w.views.newTrigger(u.ID, nil),
	}
	ps.w.mu.Unlock()
	answer, trouble := ps.w.socketMode.deliver(EnvelopeCommands, name, payload)
	if trouble != "" {
		return Outcome{Error: trouble}, nil
	}
	return ps.showAnswer(u, cv, a.Text, answer, res)
}

// showAnswer shows what a command was acknowledged with.
func (ps *people) showAnswer(
	u *User,
	cv *conversation,
	typed string,
	answer json.RawMessage,
	res *response,
) (Outcome, error) {
	args := arguments{}
	if len(answer) > 0 && string(answer) != "null" {
		var s string
		if json.Unmarshal(answer, &s) == nil {
			args["text"] = s
		} else if err := json.Unmarshal(answer, &args); err != nil {
			ps.w.trouble("command", "acknowledged with something that is no message", u.ID)
			return Outcome{Error: "failed with the error \"invalid_command_response\""}, nil
		}
	}
	ps.w.mu.Lock()
	defer ps.w.mu.Unlock()
	inChannel := args.str("response_type") == "in_channel"
	if inChannel {
		ps.w.messages.add(cv, &message{ts: ps.w.ts(), user: u.ID, text: ps.escape(typed, false)})
	}
	c, err := ps.w.messages.readContent(args)
	if err != nil {
		ps.w.record(Event{
			Kind:   KindTrouble,
			Name:   "command",
			Detail: "acknowledged with an invalid message: " + describe(err),
			User:   u.ID,
		})
		return Outcome{Error: "failed with the error \"" + err.Error() + "\""}, nil
	}
	if c.empty() {
		return Outcome{}, nil
	}
	m := ps.w.messages.newMessage(c)
	if !inChannel {
		m.onlyFor = u.ID
		res.original = m
	}
	ps.w.messages.add(cv, m)
	seen := ps.w.screens.message(cv, m)
	return Outcome{Message: &seen}, nil
}

// post posts what a person writes. The caller holds mu.
func (ps *people) post(u *User, cv *conversation, a Action) (Outcome, error) {
	if strings.TrimSpace(a.Text) == "" {
		return Outcome{}, cannot("there is nothing to send")
	}
	if a.Thread != "" && cv.find(a.Thread) == nil {
		return Outcome{}, cannot("no thread %s", a.Thread)
	}
	text := ps.escape(a.Text, false)
	m := &message{ts: ps.w.ts(), threadTS: a.Thread, user: u.ID, text: text}
	ps.w.messages.add(cv, m)
	kind := map[string]string{"channels": "channel", "groups": "group", "im": "im"}[cv.kind()]
	event := reply{
		"type":         "message",
		"channel":      cv.ID,
		"user":         u.ID,
		"text":         text,
		"ts":           m.ts,
		"event_ts":     m.ts,
		"channel_type": kind,
		"team":         u.TeamID,
	}
	if a.Thread != "" {
		event["thread_ts"] = a.Thread
	}
	if cv.has(ps.w.cfg.App.BotUserID) {
		ps.w.socketMode.emitEvent(event)
	}
	if strings.Contains(text, "<@"+ps.w.cfg.App.BotUserID+">") {
		mention := copied(event)
		mention["type"] = "app_mention"
		delete(mention, "channel_type")
		ps.w.socketMode.emitEvent(mention)
	}
	seen := ps.w.screens.message(cv, m)
	return Outcome{Message: &seen}, nil
}

var mentionable = regexp.MustCompile(`[@#][\w.-]+|https?://[^\s<>]+`)

// escape is how Slack sends text: & < > as entities, and known names, channels and links in angle
// brackets. In commands people come with their name, in messages without.
func (ps *people) escape(text string, named bool) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return mentionable.ReplaceAllStringFunc(text, func(s string) string {
		switch s[0] {
		case '@':
			for _, u := range ps.w.users {
				if u.Name == s[1:] && named {
					return "<@" + u.ID + "|" + u.Name + ">"
				} else if u.Name == s[1:] {
					return "<@" + u.ID + ">"
				}
			}
			for _, g := range ps.w.cfg.UserGroups {
				if g.Handle == s[1:] {
					return "<!subteam^" + g.ID + "|@" + g.Handle + ">"
				}
			}
		case '#':
			for _, cv := range ps.w.channels.byID {
				if cv.Name == s[1:] && cv.IsPrivate {
					return "<#" + cv.ID + "|>"
				} else if cv.Name == s[1:] {
					return "<#" + cv.ID + "|" + cv.Name + ">"
				}
			}
		default:
			return "<" + s + ">"
		}
		return s
	})
}

// describe spells out an API error with what was wrong.
func describe(err error) string {
	if failed, ok := err.(*apiError); ok {
		if meta, ok := failed.more["response_metadata"].(reply); ok {
			if messages, ok := meta["messages"].([]string); ok {
				return failed.code + ": " + strings.Join(messages, "; ")
			}
		}
	}
	return err.Error()
}
