package workspace

import (
	"encoding/json"
	"regexp"
	"strings"
)

// trouble is what people read when the app's answer to a form cannot be used.
const troubleConnecting = "We had some trouble connecting. Try again?"

// typed sends a message or runs a slash command.
func (w *Workspace) typed(u *User, a Action) (Outcome, error) {
	name, rest, _ := strings.Cut(a.Text, " ")
	w.mu.Lock()
	cv, err := w.place(u, a.Channel)
	if err != nil {
		w.mu.Unlock()
		return Outcome{}, err
	}
	if cv.IsArchived {
		w.mu.Unlock()
		return Outcome{}, cannot("#%s is archived", cv.Name)
	}
	if !strings.HasPrefix(a.Text, "/") {
		defer w.mu.Unlock()
		return w.said(u, cv, a)
	}
	if a.Thread != "" {
		w.mu.Unlock()
		return Outcome{}, cannot("%s is not supported in threads. Sorry!", name)
	}
	var command *Command
	for i, c := range w.cfg.App.Commands {
		if c.Name == name {
			command = &w.cfg.App.Commands[i]
		}
	}
	if command == nil {
		w.mu.Unlock()
		return Outcome{Error: name + " is not a valid command."}, nil
	}
	text := strings.TrimSpace(rest)
	if command.ShouldEscape {
		text = w.escaped(text, true)
	}
	link, res := w.newResponse(u.ID, cv, nil)
	channelName := cv.Name
	if cv.direct() {
		channelName = "directmessage"
	} else if cv.IsPrivate {
		channelName = "privategroup"
	}
	payload := reply{"token": "deprecated", "team_id": u.TeamID, "team_domain": w.cfg.Team.Domain, "channel_id": cv.ID, "channel_name": channelName,
		"user_id": u.ID, "user_name": u.Name, "command": name, "text": text, "api_app_id": w.cfg.App.ID, "is_enterprise_install": "false",
		"response_url": link, "trigger_id": w.newTrigger(u.ID, nil)}
	w.mu.Unlock()
	answer, trouble := w.ask(EnvelopeCommands, name, payload)
	if trouble != "" {
		return Outcome{Error: trouble}, nil
	}
	return w.commandAnswer(u, cv, a.Text, answer, res)
}

// commandAnswer shows what a command was acknowledged with.
func (w *Workspace) commandAnswer(u *User, cv *conversation, typed string, answer json.RawMessage, res *response) (Outcome, error) {
	args := arguments{}
	if len(answer) > 0 && string(answer) != "null" {
		var s string
		if json.Unmarshal(answer, &s) == nil {
			args["text"] = s
		} else if err := json.Unmarshal(answer, &args); err != nil {
			w.trouble("command", "acknowledged with something that is no message", u.ID)
			return Outcome{Error: "failed with the error \"invalid_command_response\""}, nil
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	inChannel := args.str("response_type") == "in_channel"
	if inChannel {
		w.add(cv, &message{ts: w.ts(), user: u.ID, text: typed, command: typed})
	}
	c, err := w.readContent(args)
	if err != nil {
		w.record(Event{Kind: KindTrouble, Name: "command", Detail: "acknowledged with an invalid message: " + describe(err), User: u.ID})
		return Outcome{Error: "failed with the error \"" + err.Error() + "\""}, nil
	}
	if c.empty() {
		return Outcome{}, nil
	}
	m := w.newMessage(c)
	if !inChannel {
		m.onlyFor = u.ID
		res.original = m
	}
	w.add(cv, m)
	seen := w.seen(cv, m)
	return Outcome{Message: &seen}, nil
}

// said posts what a person writes. The caller holds mu.
func (w *Workspace) said(u *User, cv *conversation, a Action) (Outcome, error) {
	if strings.TrimSpace(a.Text) == "" {
		return Outcome{}, cannot("there is nothing to send")
	}
	if a.Thread != "" && cv.find(a.Thread) == nil {
		return Outcome{}, cannot("no thread %s", a.Thread)
	}
	text := w.escaped(a.Text, false)
	m := &message{ts: w.ts(), threadTS: a.Thread, user: u.ID, text: text}
	w.add(cv, m)
	kind := map[string]string{"channels": "channel", "groups": "group", "im": "im"}[cv.kind()]
	event := reply{"type": "message", "channel": cv.ID, "user": u.ID, "text": text, "ts": m.ts, "event_ts": m.ts, "channel_type": kind, "team": u.TeamID}
	if a.Thread != "" {
		event["thread_ts"] = a.Thread
	}
	if cv.has(w.cfg.App.BotUserID) {
		w.emit(event)
	}
	if strings.Contains(text, "<@"+w.cfg.App.BotUserID+">") {
		mention := copied(event)
		mention["type"] = "app_mention"
		delete(mention, "channel_type")
		w.emit(mention)
	}
	seen := w.seen(cv, m)
	return Outcome{Message: &seen}, nil
}

var mentionable = regexp.MustCompile(`[@#][\w.-]+|https?://[^\s<>]+`)

// escaped is how Slack sends text: & < > as entities, and known names, channels and links in angle
// brackets. In commands people come with their name, in messages without.
func (w *Workspace) escaped(text string, named bool) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return mentionable.ReplaceAllStringFunc(text, func(s string) string {
		switch s[0] {
		case '@':
			for _, u := range w.users {
				if u.Name == s[1:] && named {
					return "<@" + u.ID + "|" + u.Name + ">"
				} else if u.Name == s[1:] {
					return "<@" + u.ID + ">"
				}
			}
			for _, g := range w.cfg.UserGroups {
				if g.Handle == s[1:] {
					return "<!subteam^" + g.ID + "|@" + g.Handle + ">"
				}
			}
		case '#':
			for _, cv := range w.conversations {
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
