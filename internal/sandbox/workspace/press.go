package workspace

import (
	"slices"
	"strings"
)

// scene is where a person acts: a message, or a view.
type scene struct {
	cv      *conversation
	message *message
	view    *view
}

func (s scene) blocks() []any {
	if s.view != nil {
		return s.view.blocks()
	}
	return s.message.blocks
}

func (s scene) state() values {
	if s.view != nil {
		return s.view.state
	}
	return s.message.state
}

// findScene finds what an action is about. The caller holds mu.
func (ps *people) findScene(u *User, a Action) (scene, error) {
	if a.View != "" {
		v := ps.w.views.byID[a.View]
		stack := ps.w.views.modals[u.ID]
		switch {
		case v == nil || v.user != u.ID || !v.open:
			return scene{}, cannot("the view %s is not open", a.View)
		case !v.home() && (len(stack) == 0 || stack[len(stack)-1] != v):
			return scene{}, cannot("the view %s is not in front", a.View)
		}
		return scene{view: v}, nil
	}
	cv, err := ps.findConversation(u, a.Channel)
	if err != nil {
		return scene{}, err
	}
	for _, m := range cv.messages {
		if m.ts == a.Message && (m.onlyFor == "" || m.onlyFor == u.ID) && !m.deleted {
			return scene{cv: cv, message: m}, nil
		}
	}
	return scene{}, cannot("no message %s in #%s", a.Message, cv.Name)
}

// labels are what a person reads at an element: a button's text, an input's label, a placeholder
// or the section it stands in.
func (s spot) labels() []string {
	var all []string
	for _, v := range []any{s.element["text"], s.block["label"], s.element["placeholder"]} {
		if t := reads(v); t != "" {
			all = append(all, t)
		}
	}
	if label := word(s.element["accessibility_label"]); label != "" {
		all = append(all, label)
	}
	for _, side := range []string{"positive_button", "negative_button"} {
		if t := reads(object(s.element[side])["text"]); t != "" {
			all = append(all, t)
		}
	}
	if s.block["type"] == "section" && s.typ != "button" {
		all = append(all, reads(s.block["text"]))
	}
	return all
}

// find picks the one element that a target means: by what a person reads first, by ids after
// that.
func find(blocks []any, target string, fits func(spot) bool) (spot, error) {
	all := slices.DeleteFunc(spots(blocks), func(s spot) bool { return !fits(s) })
	for _, match := range []func(spot) bool{
		func(s spot) bool { return slices.Contains(s.labels(), target) },
		func(s spot) bool { return s.blockID+"/"+s.id == target },
		func(s spot) bool { return s.id == target },
		func(s spot) bool { return s.blockID == target },
	} {
		found := slices.DeleteFunc(slices.Clone(all), func(s spot) bool { return !match(s) })
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			var ids []string
			for _, s := range found {
				ids = append(ids, s.blockID+"/"+s.id)
			}
			return spot{}, cannot("%q is there %d times: %s", target, len(found), strings.Join(ids, ", "))
		}
	}
	var seen []string
	for _, s := range all {
		seen = append(seen, s.labels()...)
	}
	return spot{}, cannot("no %q here; there is %q", target, seen)
}

func isButton(s spot) bool {
	return slices.Contains([]string{"button", "workflow_button", "icon_button", "feedback_buttons"}, s.typ)
}

// press presses a button in a message, a modal or the Home tab.
func (ps *people) press(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	sc, err := ps.findScene(u, a)
	if err != nil {
		ps.w.mu.Unlock()
		return Outcome{}, err
	}
	s, err := find(sc.blocks(), a.Target, isButton)
	if err != nil {
		ps.w.mu.Unlock()
		return Outcome{}, err
	}
	action := map[string]any{"type": s.typ, "text": s.element["text"]}
	if v := s.element["value"]; v != nil {
		action["value"] = v
	}
	for _, side := range []string{"positive_button", "negative_button"} {
		if b := object(s.element[side]); reads(b["text"]) == a.Target {
			action["text"], action["value"] = b["text"], b["value"]
		}
	}
	out := Outcome{URL: word(s.element["url"])}
	return ps.sendAction(u, sc, s, action, a.Decline, out)
}

// sendAction sends block_actions for an element, after its confirmation dialog if it has one. The
// caller holds mu; it is released.
func (ps *people) sendAction(
	u *User,
	sc scene,
	s spot,
	action map[string]any,
	decline bool,
	out Outcome,
) (Outcome, error) {
	if c := object(s.element["confirm"]); c != nil {
		out.Confirm = confirmOf(c)
		if decline {
			ps.w.mu.Unlock()
			return out, nil
		}
	}
	action["block_id"], action["action_id"], action["action_ts"] = s.blockID, s.id, ps.w.ts()
	payload := ps.interaction("block_actions", u, sc)
	payload["actions"] = []any{action}
	payload["trigger_id"] = ps.w.views.newTrigger(u.ID, sc.view)
	if sc.message != nil {
		payload["response_url"], _ = ps.w.responses.newResponse(u.ID, sc.cv, sc.message)
	}
	off := ps.w.cfg.App.NoInteractivity
	ps.w.mu.Unlock()
	if off {
		out.Error = "This app is not configured to handle interactive responses."
		return out, nil
	}
	_, out.Error = ps.w.socketMode.deliver(EnvelopeInteractive, "block_actions "+s.id, payload)
	return out, nil
}

// confirmOf reads a confirmation dialog; its deny button says Cancel if the app does not name it.
func confirmOf(c map[string]any) *Confirm {
	text := func(name string) string { return reads(c[name]) }
	d := &Confirm{Title: text("title"), Text: text("text"), Confirm: text("confirm"), Deny: text("deny")}
	or(&d.Deny, "Cancel")
	return d
}

// interaction starts the payload of an interaction. The caller holds mu.
func (ps *people) interaction(kind string, u *User, sc scene) reply {
	p := reply{
		"type":                  kind,
		"token":                 "deprecated",
		"api_app_id":            ps.w.cfg.App.ID,
		"team":                  reply{"id": ps.w.cfg.Team.ID, "domain": ps.w.cfg.Team.Domain},
		"user":                  reply{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"enterprise":            nil,
		"is_enterprise_install": false,
	}
	if sc.view != nil {
		shown := ps.w.views.viewObject(sc.view)
		rewrite(shown["blocks"])
		rewrite(shown["title"])
		rewrite(shown["submit"])
		p["view"] = shown
		if kind != "view_submission" && kind != "view_closed" {
			p["container"] = reply{"type": "view", "view_id": sc.view.id}
		}
		return p
	}
	m := sc.message
	container := reply{"type": "message", "message_ts": m.ts, "channel_id": sc.cv.ID, "is_ephemeral": m.onlyFor != ""}
	if m.threadTS != "" {
		container["thread_ts"] = m.threadTS
	}
	name := sc.cv.Name
	if sc.cv.direct() {
		name = "directmessage"
	}
	p["container"], p["channel"], p["state"] = container, reply{
		"id":   sc.cv.ID,
		"name": name,
	}, reply{
		"values": copied(m.state),
	}
	if m.onlyFor == "" {
		shown := ps.w.messages.messageObject(sc.cv, m, true)
		rewrite(shown["blocks"])
		p["message"] = shown
	}
	return p
}
