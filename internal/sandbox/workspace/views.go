package workspace

import (
	"errors"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

const (
	maxView  = 250 << 10 // bytes, docs.slack.dev/reference/methods/views.open
	maxStack = 3
)

// view is a modal or a Home tab that a person has.
type view struct {
	id, user, hash string
	root, previous string
	// content is the decoded view with all ids filled in.
	content map[string]any
	state   values
	open    bool
	// errors are what the app said is wrong, by block_id; trouble is what Slack shows above them.
	errors  map[string]string
	trouble string
}

func (v *view) blocks() []any  { return array(v.content["blocks"]) }
func (v *view) home() bool     { return v.content["type"] == "home" }
func (v *view) notifies() bool { return v.content["notify_on_close"] == true }

// trigger is a trigger_id: it lives 3 s and works once.
type trigger struct {
	user   string
	issued time.Time
	used   bool
	// from is the view that the interaction happened in, if it was one.
	from *view
}

// views are the modals and Home tabs of the workspace's people.
type views struct {
	w *Workspace
	// byID are all views, open or not.
	byID map[string]*view
	// modals are the stacks of open modals by person, the top one last.
	modals map[string][]*view
	// homes are by person.
	homes    map[string]*view
	triggers map[string]*trigger
}

func newViews(w *Workspace) *views {
	return &views{w: w, byID: map[string]*view{}, modals: map[string][]*view{}, homes: map[string]*view{},
		triggers: map[string]*trigger{}}
}

// newTrigger issues a trigger_id. The caller holds mu.
func (vs *views) newTrigger(user string, from *view) string {
	id := vs.w.id("") + "." + vs.w.id("") + "." + vs.w.id("")
	vs.triggers[id] = &trigger{user: user, issued: time.Now(), from: from}
	return id
}

// exchange uses up the call's trigger_id.
func (c *call) exchange() (*trigger, error) {
	if err := c.required("trigger_id"); err != nil {
		return nil, err
	}
	t := c.w.views.triggers[c.args.str("trigger_id")]
	switch {
	case t == nil:
		return nil, fail("invalid_trigger_id")
	case t.used:
		return nil, fail("exchanged_trigger_id")
	case time.Since(t.issued) > c.w.cfg.Timing.Trigger:
		return nil, fail("expired_trigger_id")
	}
	return t, nil
}

// readView checks a view. Bad content is invalid_arguments in views methods, never
// invalid_blocks.
func (vs *views) readView(raw []byte, surface blockcheck.Surface) (map[string]any, error) {
	if len(raw) > maxView {
		return nil, fail("view_too_large")
	}
	content, problems, err := blockcheck.View(raw, surface, vs.w.messages.blockOptions())
	if errors.Is(err, blockcheck.ErrFormat) {
		return nil, &apiError{
			code: "invalid_arguments",
			more: reply{
				"response_metadata": reply{"messages": []string{"[ERROR] must be a valid view [json-pointer:/view]"}},
			},
		}
	}
	if len(problems) > 0 {
		var marked []string
		for _, p := range problems {
			marked = append(marked, "[ERROR] "+p.String())
		}
		return nil, &apiError{code: "invalid_arguments", more: reply{"response_metadata": reply{"messages": marked}}}
	}
	vs.w.messages.complete(array(content["blocks"]))
	return content, nil
}

// checkExternalID refuses an external_id that another open view of the workspace has.
func (vs *views) checkExternalID(content map[string]any, self *view) error {
	id := word(content["external_id"])
	if id == "" {
		return nil
	}
	for _, v := range vs.byID {
		if v != self && v.open && word(v.content["external_id"]) == id {
			return fail("duplicate_external_id")
		}
	}
	return nil
}

func (vs *views) newView(user string, content map[string]any) *view {
	v := &view{id: vs.w.id("V"), user: user, open: true}
	v.root = v.id
	vs.byID[v.id] = v
	vs.setContent(v, content)
	return v
}

// setContent gives a view new content; what was entered stays where the ids stayed. The caller
// holds mu.
func (vs *views) setContent(v *view, content map[string]any) {
	v.content, v.hash = content, vs.w.ts()+"."+vs.w.id("")
	v.state = stateOf(v.blocks(), v.state)
	v.errors, v.trouble = nil, ""
	vs.w.touch()
}

// open opens a view on an empty screen, push stacks it on the top one.
func (vs *views) open(v *view) {
	for _, old := range vs.modals[v.user] {
		old.open = false
	}
	vs.modals[v.user] = []*view{v}
	vs.w.touch()
}

func (vs *views) stack(v *view) {
	stack := vs.modals[v.user]
	top := stack[len(stack)-1]
	v.root, v.previous = top.root, top.id
	vs.modals[v.user] = append(stack, v)
	vs.w.touch()
}

func (vs *views) viewObject(v *view) reply {
	o := reply{}
	for name, value := range v.content {
		o[name] = value
	}
	for _, name := range []string{"private_metadata", "callback_id", "external_id"} {
		if o[name] == nil {
			o[name] = ""
		}
	}
	o["id"], o["team_id"], o["hash"], o["state"] = v.id, vs.w.cfg.Team.ID, v.hash, reply{"values": v.state}
	o["root_view_id"], o["previous_view_id"] = v.root, nil
	if v.previous != "" {
		o["previous_view_id"] = v.previous
	}
	for _, name := range []string{"clear_on_close", "notify_on_close"} {
		o[name] = v.content[name] == true
	}
	o["app_id"], o["app_installed_team_id"], o["bot_id"] = vs.w.cfg.App.ID, vs.w.cfg.Team.ID, vs.w.cfg.App.BotID
	return copied(o)
}

func openView(c *call) (reply, error) {
	t, err := c.exchange()
	if err != nil {
		return nil, err
	}
	content, err := c.w.views.readView(c.args.raw("view"), blockcheck.Modal)
	if err != nil {
		return nil, err
	}
	if err := c.w.views.checkExternalID(content, nil); err != nil {
		return nil, err
	}
	t.used = true
	v := c.w.views.newView(t.user, content)
	c.w.views.open(v)
	return reply{"view": c.w.views.viewObject(v)}, nil
}

func pushView(c *call) (reply, error) {
	t, err := c.exchange()
	if err != nil {
		return nil, err
	}
	content, err := c.w.views.readView(c.args.raw("view"), blockcheck.Modal)
	switch stack := c.w.views.modals[t.user]; {
	case err != nil:
		return nil, err
	case t.from == nil || !t.from.open || t.from.home():
		return nil, fail("not_found")
	case len(stack) >= maxStack:
		return nil, fail("push_limit_reached")
	}
	if err := c.w.views.checkExternalID(content, nil); err != nil {
		return nil, err
	}
	t.used = true
	v := c.w.views.newView(t.user, content)
	c.w.views.stack(v)
	return reply{"view": c.w.views.viewObject(v)}, nil
}

func updateView(c *call) (reply, error) {
	w := c.w
	id, external := c.args.str("view_id"), c.args.str("external_id")
	if id == "" && external == "" {
		return nil, fail("invalid_arguments")
	}
	v := w.views.byID[id]
	if id == "" {
		for _, x := range w.views.byID {
			if x.open && word(x.content["external_id"]) == external {
				v = x
			}
		}
	}
	if v == nil || !v.open {
		return nil, fail("not_found")
	}
	surface := blockcheck.Modal
	if v.home() {
		surface = blockcheck.Home
	}
	content, err := w.views.readView(c.args.raw("view"), surface)
	if err != nil {
		return nil, err
	}
	if hash := c.args.str("hash"); hash != "" && hash != v.hash {
		return nil, fail("hash_conflict")
	}
	if err := w.views.checkExternalID(content, v); err != nil {
		return nil, err
	}
	w.views.setContent(v, content)
	return reply{"view": w.views.viewObject(v)}, nil
}

func publishView(c *call) (reply, error) {
	w := c.w
	if err := c.required("user_id"); err != nil {
		return nil, err
	}
	user := c.args.str("user_id")
	switch {
	case !w.cfg.App.HomeTab:
		return nil, fail("not_enabled")
	case w.users[user] == nil:
		return nil, fail("user_not_found")
	}
	content, err := w.views.readView(c.args.raw("view"), blockcheck.Home)
	if err != nil {
		return nil, err
	}
	v := w.views.homes[user]
	if hash := c.args.str("hash"); hash != "" && (v == nil || hash != v.hash) {
		return nil, fail("hash_conflict")
	}
	if v == nil {
		v = w.views.newView(user, content)
		w.views.homes[user] = v
	} else {
		w.views.setContent(v, content)
	}
	return reply{"view": w.views.viewObject(v)}, nil
}

// closeTop closes the top modal, or all of them. The caller holds mu.
func (vs *views) closeTop(user string, all bool) {
	stack := vs.modals[user]
	for len(stack) > 0 {
		stack[len(stack)-1].open = false
		stack = slices.Delete(stack, len(stack)-1, len(stack))
		if !all {
			break
		}
	}
	vs.modals[user] = stack
	vs.w.touch()
}
