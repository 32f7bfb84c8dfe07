package workspace

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

// maxInputFile is the size that a file_input takes, in bytes.
const maxInputFile = 10 << 20

func isStateful(s spot) bool { return stateField[s.typ] != "" || s.typ == "overflow" }

// fill enters something into an element of a form, a Home tab or a message. What stands outside
// an input block, or in one with dispatch_action, is told to the app at once; text when Enter is
// pressed, which people are taken to do.
func (ps *people) fill(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	sc, err := ps.findScene(u, a)
	if err != nil {
		ps.w.mu.Unlock()
		return Outcome{}, err
	}
	s, err := find(sc.blocks(), a.Target, isStateful)
	if err != nil {
		ps.w.mu.Unlock()
		return Outcome{}, err
	}
	var suggestions []map[string]any
	if s.typ == "external_select" || s.typ == "multi_external_select" {
		ps.w.mu.Unlock()
		for _, query := range a.Values {
			found, out, err := ps.askForOptions(u, sc, s, query)
			if err != nil || out.Error != "" {
				return out, err
			}
			suggestions = append(suggestions, found...)
		}
		ps.w.mu.Lock()
	}
	value, err := ps.readInput(u, s, a, suggestions)
	if err != nil {
		ps.w.mu.Unlock()
		return Outcome{}, err
	}
	action := map[string]any{"type": s.typ}
	if s.typ == "overflow" {
		action["selected_option"] = value
	} else {
		field := stateField[s.typ]
		sc.state()[s.blockID][s.id] = map[string]any{"type": s.typ, field: value}
		action[field] = value
		if sc.view != nil {
			delete(sc.view.errors, s.blockID)
		}
		ps.w.touch()
	}
	if s.block["type"] == "input" && s.block["dispatch_action"] != true {
		ps.w.mu.Unlock()
		return Outcome{}, nil
	}
	return ps.sendAction(u, sc, s, action, a.Decline, Outcome{})
}

// readInput converts what a person enters into the element's value, and fails where Slack would
// refuse it. The caller holds mu.
func (ps *people) readInput(u *User, s spot, a Action, suggestions []map[string]any) (any, error) {
	one := strings.Join(a.Values, "\n")
	many := strings.HasPrefix(s.typ, "multi_") || s.typ == "checkboxes"
	if limit, ok := s.element["max_selected_items"].(json.Number); ok {
		if n, _ := limit.Int64(); int64(len(a.Values)) > n {
			return nil, cannot("only %d can be chosen", n)
		}
	}
	switch s.typ {
	case "plain_text_input":
		if strings.Contains(one, "\n") && s.element["multiline"] != true {
			return nil, cannot("%q takes one line", a.Target)
		}
		return orNull(one), nil
	case "email_text_input", "url_text_input", "number_input":
		return orNull(one), nil
	case "rich_text_input":
		return map[string]any{"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_section",
			"elements": []any{map[string]any{"type": "text", "text": one}}}}}, nil
	case "datepicker":
		_, err := time.Parse(time.DateOnly, one)
		return dated(one, err)
	case "timepicker":
		_, err := time.Parse("15:04", one)
		return dated(one, err)
	case "datetimepicker":
		n, err := strconv.ParseInt(one, 10, 64)
		return n, err
	case "file_input":
		return ps.attachFiles(u, s, a.Files)
	}
	options := append(optionsOf(s.element), suggestions...)
	var chosen []any
	for _, value := range a.Values {
		v, err := ps.findOption(s, options, value)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, v)
	}
	switch {
	case many && chosen == nil:
		return []any{}, nil
	case many:
		return chosen, nil
	case len(chosen) == 0:
		return nil, nil
	case len(chosen) > 1:
		return nil, cannot("only one can be chosen")
	}
	return chosen[0], nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func dated(s string, err error) (any, error) {
	if s != "" && err != nil {
		return nil, cannot("%q cannot be picked", s)
	}
	return orNull(s), nil
}

// findOption finds one thing to choose, which must be offered.
func (ps *people) findOption(s spot, options []map[string]any, value string) (any, error) {
	switch strings.TrimPrefix(s.typ, "multi_") {
	case "users_select":
		if ps.w.users[value] == nil || ps.w.users[value].Deleted {
			return nil, cannot("no user %q", value)
		}
		return value, nil
	case "channels_select", "conversations_select":
		if ps.w.channels.byID[value] == nil {
			return nil, cannot("no conversation %q", value)
		}
		return value, nil
	}
	var offered []string
	for _, o := range options {
		text := reads(o["text"])
		if text == value {
			return o, nil
		}
		offered = append(offered, text)
	}
	for _, o := range options {
		if word(o["value"]) == value {
			return o, nil
		}
	}
	return nil, cannot("%q is not offered; there is %q", value, offered)
}

// attachFiles uploads files into a file_input. Its filetypes are only a convenience: nothing is
// held to them.
func (ps *people) attachFiles(u *User, s spot, given []File) (any, error) {
	limit := int64(10)
	if n, ok := s.element["max_files"].(json.Number); ok {
		limit, _ = n.Int64()
	}
	if int64(len(given)) > limit {
		return nil, cannot("at most %d files", limit)
	}
	all := []any{}
	for _, g := range given {
		if len(g.Data) > maxInputFile {
			return nil, cannot("%s is larger than 10 MB", g.Name)
		}
		if len(g.Data) == 0 {
			return nil, cannot("%s is empty", g.Name)
		}
		f := &file{
			id:        ps.w.id("F"),
			name:      g.Name,
			title:     g.Title,
			user:      u.ID,
			declared:  len(g.Data),
			data:      g.Data,
			uploaded:  true,
			completed: true,
			shares:    map[string]string{},
		}
		or(&f.title, f.name)
		ps.w.files.byID[f.id] = f
		all = append(all, map[string]any(ps.w.files.fileObject(f)))
	}
	return all, nil
}

// askForOptions asks the app for options: block_suggestion.
func (ps *people) askForOptions(u *User, sc scene, s spot, query string) ([]map[string]any, Outcome, error) {
	least := 3
	if n, ok := s.element["min_query_length"].(json.Number); ok {
		i, _ := n.Int64()
		least = int(i)
	}
	if len([]rune(query)) < least {
		return nil, Outcome{}, cannot("type at least %d characters into %q", least, s.id)
	}
	ps.w.mu.Lock()
	payload := ps.interaction("block_suggestion", u, sc)
	ps.w.mu.Unlock()
	payload["value"], payload["block_id"], payload["action_id"] = query, s.blockID, s.id
	answer, trouble := ps.w.socketMode.deliver(EnvelopeInteractive, "block_suggestion "+s.id, payload)
	if trouble != "" {
		return nil, Outcome{Error: trouble}, nil
	}
	offered, problems, err := blockcheck.OptionsAnswer(answer)
	if err != nil || len(problems) > 0 {
		detail := "invalid options in an acknowledgement"
		if len(problems) > 0 {
			detail += ": " + problems[0].String()
		}
		ps.w.trouble("block_suggestion", detail, u.ID)
		return nil, Outcome{Error: "No results"}, nil
	}
	return optionsOf(offered), Outcome{}, nil
}

// readOptions types a query into an external select and returns the texts that are offered,
// without choosing.
func (ps *people) readOptions(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	sc, err := ps.findScene(u, a)
	var s spot
	if err == nil {
		s, err = find(sc.blocks(), a.Target, isStateful)
	}
	ps.w.mu.Unlock()
	if err != nil {
		return Outcome{}, err
	}
	options := optionsOf(s.element)
	out := Outcome{}
	if strings.HasSuffix(s.typ, "external_select") {
		if options, out, err = ps.askForOptions(u, sc, s, strings.Join(a.Values, "")); err != nil {
			return Outcome{}, err
		}
	}
	for _, o := range options {
		out.Options = append(out.Options, reads(o["text"]))
	}
	out.Options = slices.Clip(out.Options)
	return out, nil
}
