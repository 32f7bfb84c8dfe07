package workspace

import (
	"encoding/json"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

// submit presses the submit button of the modal in front.
func (ps *people) submit(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	sc, err := ps.findScene(u, a)
	if err == nil && (sc.view == nil || sc.view.home() || sc.view.content["submit"] == nil) {
		err = cannot("there is nothing to submit")
	}
	if err != nil {
		ps.w.mu.Unlock()
		return Outcome{}, err
	}
	v := sc.view
	v.trouble = ""
	if problems := formErrors(v); len(problems) > 0 {
		v.errors = problems
		ps.w.touch()
		defer ps.w.mu.Unlock()
		return ps.withModal(u, Outcome{Errors: problems}), nil
	}
	v.errors = nil
	payload := ps.interaction("view_submission", u, sc)
	payload["trigger_id"] = ps.w.views.newTrigger(u.ID, v)
	payload["response_urls"] = ps.responseURLs(u, v)
	ps.w.mu.Unlock()
	answer, trouble := ps.w.socketMode.deliver(
		EnvelopeInteractive,
		"view_submission "+word(v.content["callback_id"]),
		payload,
	)
	ps.w.mu.Lock()
	defer ps.w.mu.Unlock()
	if trouble != "" {
		v.trouble = troubleConnecting
		ps.w.touch()
		return ps.withModal(u, Outcome{Error: troubleConnecting + " (" + trouble + ")"}), nil
	}
	return ps.applyAnswer(u, v, answer), nil
}

// applyAnswer does what the app acknowledged a submission with. The caller holds mu.
func (ps *people) applyAnswer(u *User, v *view, answer json.RawMessage) Outcome {
	refuse := func(why string) Outcome {
		ps.w.record(Event{Kind: KindTrouble, Name: "view_submission", Detail: why, User: u.ID})
		v.trouble = troubleConnecting
		ps.w.touch()
		return ps.withModal(u, Outcome{Error: troubleConnecting})
	}
	var ack struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if len(answer) > 0 && string(answer) != "null" {
		if err := json.Unmarshal(answer, &ack); err != nil {
			return refuse("acknowledged with something that is no response_action")
		}
	}
	switch ack.Action {
	case "":
		ps.w.views.closeTop(u.ID, v.content["clear_on_close"] == true)
	case "clear":
		ps.w.views.closeTop(u.ID, true)
	case "errors":
		if len(ack.Errors) == 0 {
			return refuse("errors without any")
		}
		inputs := map[string]bool{}
		eachBlock(v.blocks(), func(b map[string]any) { inputs[word(b["block_id"])] = b["type"] == "input" })
		for block := range ack.Errors {
			if !inputs[block] {
				return refuse("errors name " + strconv.Quote(block) + ", which is no input block")
			}
		}
		v.errors = ack.Errors
		ps.w.touch()
		return ps.withModal(u, Outcome{Errors: ack.Errors})
	case "update", "push":
		content, err := ps.w.views.readView(ack.View, blockcheck.Modal)
		if err == nil {
			err = ps.w.views.checkExternalID(content, v)
		}
		if err == nil && ack.Action == "push" && len(ps.w.views.modals[u.ID]) >= maxStack {
			err = fail("push_limit_reached")
		}
		if err != nil {
			return refuse("invalid view in an acknowledgement: " + describe(err))
		}
		if ack.Action == "push" {
			ps.w.views.stack(ps.w.views.newView(u.ID, content))
		} else {
			ps.w.views.setContent(v, content)
		}
	default:
		return refuse("unknown response_action " + strconv.Quote(ack.Action))
	}
	return ps.withModal(u, Outcome{})
}

// withModal adds what is in front of the person now. The caller holds mu.
func (ps *people) withModal(u *User, out Outcome) Outcome {
	stack := ps.w.views.modals[u.ID]
	if out.Closed = len(stack) == 0; !out.Closed {
		m := modalOf(stack[len(stack)-1])
		out.Modal = &m
	}
	return out
}

// formErrors are what Slack itself says of a form before it sends it, by block_id.
func formErrors(v *view) map[string]string {
	all := map[string]string{}
	for _, s := range spots(v.blocks()) {
		if s.block["type"] != "input" {
			continue
		}
		value := v.state[s.blockID][s.id][stateField[s.typ]]
		if list, ok := value.([]any); value == nil || ok && len(list) == 0 {
			if s.block["optional"] != true {
				all[s.blockID] = "Please complete this required field."
			}
			continue
		}
		if text, ok := value.(string); ok {
			if problem := textProblem(s, text); problem != "" {
				all[s.blockID] = problem
			}
		}
	}
	return all
}

func textProblem(s spot, text string) string {
	n := int64(utf8.RuneCountInString(text))
	bound := func(name string) (int64, bool) {
		number, ok := s.element[name].(json.Number)
		if !ok {
			return 0, false
		}
		i, _ := number.Int64()
		return i, true
	}
	switch s.typ {
	case "plain_text_input":
		if least, ok := bound("min_length"); ok && n < least {
			return "This field must be at least " + strconv.FormatInt(least, 10) + " characters."
		}
		most, ok := bound("max_length")
		if !ok {
			most = 3000
		}
		if n > most {
			return "This field must be less than " + strconv.FormatInt(most+1, 10) + " characters."
		}
	case "email_text_input":
		if a, err := mail.ParseAddress(text); err != nil || a.Address != text || !strings.Contains(text, ".") {
			return "Please enter a valid email address."
		}
	case "url_text_input":
		if u, err := url.Parse(text); err != nil || u.Scheme == "" || u.Host == "" {
			return "Please enter a valid URL."
		}
	case "number_input":
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || s.element["is_decimal_allowed"] != true && strings.Contains(text, ".") {
			return "Please enter a valid number."
		}
		if least, err := strconv.ParseFloat(word(s.element["min_value"]), 64); err == nil && x < least {
			return "Please enter a number of at least " + word(s.element["min_value"]) + "."
		}
		if most, err := strconv.ParseFloat(word(s.element["max_value"]), 64); err == nil && x > most {
			return "Please enter a number of at most " + word(s.element["max_value"]) + "."
		}
	}
	return ""
}

// responseURLs are given for selects with response_url_enabled in input blocks only. The caller
// holds mu.
func (ps *people) responseURLs(u *User, v *view) []any {
	all := []any{}
	for _, s := range spots(v.blocks()) {
		chosen := word(v.state[s.blockID][s.id][stateField[s.typ]])
		if cv := ps.w.channels.byID[chosen]; cv != nil && s.block["type"] == "input" &&
			s.element["response_url_enabled"] == true {
			link, _ := ps.w.responses.newResponse(u.ID, cv, nil)
			all = append(
				all,
				reply{"block_id": s.blockID, "action_id": s.id, "channel_id": chosen, "response_url": link},
			)
		}
	}
	return all
}

// closeView presses Cancel or, with All, ✕. The app hears of it only with notify_on_close, and
// never what was entered.
func (ps *people) closeView(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	sc, err := ps.findScene(u, a)
	if err == nil && (sc.view == nil || sc.view.home()) {
		err = cannot("there is nothing to close")
	}
	if err != nil {
		ps.w.mu.Unlock()
		return Outcome{}, err
	}
	told, all := sc.view, a.All
	if all {
		told = ps.w.views.modals[u.ID][0]
	}
	notify := told.notifies() || all && slices.ContainsFunc(ps.w.views.modals[u.ID], (*view).notifies)
	payload := ps.interaction("view_closed", u, scene{view: told})
	payload["is_cleared"] = all
	payload["view"].(reply)["state"] = reply{"values": reply{}}
	ps.w.views.closeTop(u.ID, all)
	out := ps.withModal(u, Outcome{})
	ps.w.mu.Unlock()
	if notify {
		go ps.w.socketMode.deliver(EnvelopeInteractive, "view_closed "+word(told.content["callback_id"]), payload)
	}
	return out, nil
}

// openHome opens the app's Home tab; every entry is an event. What was published before is there
// at once.
func (ps *people) openHome(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	defer ps.w.mu.Unlock()
	if !ps.w.cfg.App.HomeTab {
		return Outcome{}, cannot("the app has no Home tab")
	}
	cv, err := ps.w.channels.openDM(u.ID)
	if err != nil {
		return Outcome{}, cannot("%s cannot open the app", u.Name)
	}
	event := reply{"type": "app_home_opened", "user": u.ID, "channel": cv.ID, "tab": "home", "event_ts": ps.w.ts()}
	if a.Text == "messages" {
		event["tab"] = "messages"
	} else if v := ps.w.views.homes[u.ID]; v != nil {
		event["view"] = ps.w.views.viewObject(v)
	}
	ps.w.socketMode.emitEvent(event)
	ps.w.touch()
	return Outcome{}, nil
}
