package bot

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Surface is where blocks are shown.
type Surface int

// The surfaces of Block Kit.
const (
	InMessage Surface = iota
	InModal
	InHome
)

// String names the surface.
func (s Surface) String() string { return [...]string{"message", "modal", "home"}[s] }

func (s Surface) blocks() int { return [...]int{MaxMessageBlocks, MaxModalBlocks, MaxHomeBlocks}[s] }

// surfaces says where each block may be shown (https://docs.slack.dev/reference/block-kit/blocks).
var surfaces = map[string][]Surface{
	"section": {InMessage, InModal, InHome}, "header": {InMessage, InModal, InHome}, "divider": {InMessage, InModal, InHome},
	"context": {InMessage, InModal, InHome}, "actions": {InMessage, InModal, InHome}, "image": {InMessage, InModal, InHome},
	"input": {InMessage, InModal, InHome}, "rich_text": {InMessage, InModal, InHome}, "alert": {InModal},
	"markdown": {InMessage}, "plan": {InMessage}, "task_card": {InMessage}, "table": {InMessage, InHome},
}

// Check reports everything in the blocks that Slack would refuse on a surface, as far as its documentation says: kinds, counts,
// lengths, ids. Each problem begins with its JSON pointer, as Slack's own do. For tests of renderers and for the deployment check.
func Check(blocks []slack.Block, surface Surface) error {
	encoded, err := json.Marshal(blocks)
	if err != nil {
		return fmt.Errorf("blocks: %w", err)
	}
	var list []any
	if err := json.Unmarshal(encoded, &list); err != nil {
		return fmt.Errorf("blocks: %w", err)
	}
	c := &checker{surface: surface, ids: map[string]bool{}}
	c.blocks("/blocks", list)
	return errors.Join(c.problems...)
}

// CheckView is Check for a whole modal.
func CheckView(view slack.ModalViewRequest) error {
	c := &checker{surface: InModal, ids: map[string]bool{}}
	encoded, err := json.Marshal(view)
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	if len(encoded) > MaxViewBytes {
		c.report("/view", "has %d bytes, at most %d", len(encoded), MaxViewBytes)
	}
	var v object
	if err := json.Unmarshal(encoded, &v); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	for _, name := range []string{"title", "submit", "close"} {
		c.text("/view/"+name, v, name, MaxViewTitle, plainOnly)
	}
	if v["title"] == nil {
		c.report("/view/title", "is missing")
	}
	c.length("/view/private_metadata", v.str("private_metadata"), MaxViewMetadata)
	c.length("/view/callback_id", v.str("callback_id"), MaxCallbackID)
	c.length("/view/external_id", v.str("external_id"), MaxExternalID)
	c.blocks("/view/blocks", v.list("blocks"))
	if c.inputs > 0 && v["submit"] == nil {
		c.report("/view/submit", "is missing, and there are inputs")
	}
	return errors.Join(c.problems...)
}

// object is a JSON object; what is missing or of another type reads as empty.
type object map[string]any

func (o object) str(name string) string { s, _ := o[name].(string); return s }
func (o object) list(name string) []any { l, _ := o[name].([]any); return l }
func (o object) obj(name string) object { return asObject(o[name]) }

func asObject(v any) object { o, _ := v.(map[string]any); return o }

// plainOnly wants a text object without markup.
const plainOnly = true

type checker struct {
	surface  Surface
	problems []error
	ids      map[string]bool
	inputs   int
	focused  int
	markdown int
	table    int
}

func (c *checker) report(path, format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

func (c *checker) length(path, text string, limit int) {
	if n := utf8.RuneCountInString(text); n > limit {
		c.report(path, "has %d characters, at most %d", n, limit)
	}
}

func (c *checker) count(path string, list []any, least, most int) {
	if len(list) < least || len(list) > most {
		c.report(path, "has %d entries instead of %d to %d", len(list), least, most)
	}
}

// text checks a text object that may be missing.
func (c *checker) text(path string, parent object, name string, limit int, plain bool) {
	if parent[name] == nil {
		return
	}
	text := parent.obj(name)
	kind := text.str("type")
	if kind != slack.PlainTextType && (plain || kind != slack.MarkdownType) {
		c.report(path, "is %q, which is not allowed here", kind)
	}
	if text.str("text") == "" {
		c.report(path, "is empty")
	}
	c.length(path, text.str("text"), limit)
}

func (c *checker) required(path string, parent object, name string, limit int, plain bool) {
	if parent[name] == nil {
		c.report(path, "is missing")
	}
	c.text(path, parent, name, limit, plain)
}

func (c *checker) blocks(path string, list []any) {
	if len(list) > c.surface.blocks() {
		c.report(path, "has %d blocks, at most %d in a %s", len(list), c.surface.blocks(), c.surface)
	}
	kinds := map[string]int{}
	for i, item := range list {
		at, block := path+"/"+strconv.Itoa(i), asObject(item)
		kind := block.str("type")
		kinds[kind]++
		if allowed, known := surfaces[kind]; !known {
			c.report(at, "unsupported type: %s", kind)
		} else if !slices.Contains(allowed, c.surface) {
			c.report(at, "%s is not for a %s", kind, c.surface)
		}
		if id := block.str("block_id"); id != "" {
			c.length(at+"/block_id", id, MaxBlockID)
			if c.ids[id] {
				c.report(at+"/block_id", "%q is used twice", id)
			}
			c.ids[id] = true
		}
		c.block(at, kind, block)
	}
	if kinds["plan"] > 0 && kinds["task_card"] > 0 {
		c.report(path, "plan and task_card do not mix in one message")
	}
	if kinds["table"] > 1 {
		c.report(path, "has %d tables, at most one", kinds["table"])
	}
	if w := weight(len(list), list); c.surface == InMessage && w > MaxMessageWeight {
		c.report(path, "weighs %d with its containers, at most %d", w, MaxMessageWeight)
	}
	if c.markdown > MaxMarkdown {
		c.report(path, "has %d characters of markdown, at most %d", c.markdown, MaxMarkdown)
	}
	if c.table > MaxTableText {
		c.report(path, "has %d characters in tables, at most %d", c.table, MaxTableText)
	}
	if c.focused > 1 {
		c.report(path, "has %d elements with focus_on_load, at most one", c.focused)
	}
}

func (c *checker) block(at, kind string, block object) {
	switch kind {
	case "section":
		if block["text"] == nil && len(block.list("fields")) == 0 {
			c.report(at, "has neither text nor fields")
		}
		c.text(at+"/text", block, "text", MaxSectionText, !plainOnly)
		c.count(at+"/fields", block.list("fields"), 0, MaxSectionFields)
		for i, field := range block.list("fields") {
			c.text(at+"/fields/"+strconv.Itoa(i), object{"field": field}, "field", MaxSectionField, !plainOnly)
		}
		if block["accessory"] != nil {
			c.element(at+"/accessory", block.obj("accessory"))
		}
	case "header":
		c.required(at+"/text", block, "text", MaxHeader, plainOnly)
	case "alert":
		c.required(at+"/text", block, "text", MaxAlert, !plainOnly)
	case "context":
		c.count(at+"/elements", block.list("elements"), 1, MaxContextElements)
		for i, element := range block.list("elements") {
			if path := at + "/elements/" + strconv.Itoa(i); asObject(element).str("type") == "image" {
				c.length(path+"/alt_text", asObject(element).str("alt_text"), MaxImageText)
			} else {
				c.text(path, object{"element": element}, "element", MaxTextObject, !plainOnly)
			}
		}
	case "actions":
		c.count(at+"/elements", block.list("elements"), 1, MaxActionsElements)
		ids := map[string]bool{}
		for i, element := range block.list("elements") {
			path, e := at+"/elements/"+strconv.Itoa(i), asObject(element)
			if id := e.str("action_id"); id != "" && ids[id] {
				c.report(path+"/action_id", "%q is used twice", id)
			} else {
				ids[id] = true
			}
			c.element(path, e)
		}
	case "input":
		c.inputs++
		c.required(at+"/label", block, "label", MaxInputLabel, plainOnly)
		c.text(at+"/hint", block, "hint", MaxInputHint, plainOnly)
		c.element(at+"/element", block.obj("element"))
	case "image":
		c.length(at+"/image_url", block.str("image_url"), MaxImageURL)
		c.length(at+"/alt_text", block.str("alt_text"), MaxImageText)
		c.text(at+"/title", block, "title", MaxImageText, plainOnly)
		if (block.str("image_url") == "") == (block["slack_file"] == nil) {
			c.report(at, "needs one of image_url and slack_file")
		}
		if block.str("alt_text") == "" {
			c.report(at+"/alt_text", "is missing")
		}
	case "markdown":
		c.markdown += utf8.RuneCountInString(block.str("text"))
	case "plan":
		c.plan(at, block)
	case "task_card":
		c.task(at, block)
		if block.str("status") == string(slack.TaskCardStatusPending) {
			c.report(at+"/status", "a task_card outside a plan cannot be pending")
		}
	case "table":
		c.rows(at, block)
	case "rich_text":
		c.rich(at, block)
	}
}

func (c *checker) plan(at string, block object) {
	if block.str("title") == "" {
		c.report(at+"/title", "must be a string")
	}
	c.count(at+"/tasks", block.list("tasks"), 1, MaxPlanTasks)
	ids := map[string]bool{}
	for i, item := range block.list("tasks") {
		path, task := at+"/tasks/"+strconv.Itoa(i), asObject(item)
		if id := task.str("task_id"); ids[id] {
			c.report(path+"/task_id", "%q is used twice", id)
		} else {
			ids[id] = true
		}
		c.task(path, task)
	}
}

func (c *checker) task(at string, task object) {
	for _, name := range []string{"task_id", "title"} {
		if task.str(name) == "" {
			c.report(at+"/"+name, "must be a string")
		}
	}
	if status := task.str("status"); !slices.Contains([]string{"", "pending", "in_progress", "complete", "error"}, status) {
		c.report(at+"/status", "%q is not a status", status)
	}
	for _, name := range []string{"details", "output"} {
		if task[name] != nil {
			c.rich(at+"/"+name, task.obj(name))
		}
	}
}

// rich wants rich text that says something somewhere.
func (c *checker) rich(at string, block object) {
	if len(block.list("elements")) == 0 {
		c.report(at+"/elements", "is empty")
	}
	for i, item := range block.list("elements") {
		if path := at + "/elements/" + strconv.Itoa(i); len(asObject(item).list("elements")) == 0 {
			c.report(path, "is empty")
		} else {
			for j, leaf := range asObject(item).list("elements") {
				if l := asObject(leaf); l.str("type") == "text" && l.str("text") == "" {
					c.report(path+"/elements/"+strconv.Itoa(j)+"/text", "is empty")
				}
			}
		}
	}
}

func (c *checker) rows(at string, block object) {
	c.count(at+"/rows", block.list("rows"), 1, MaxTableRows)
	for i, row := range block.list("rows") {
		cells, _ := row.([]any)
		c.count(at+"/rows/"+strconv.Itoa(i), cells, 1, MaxTableCells)
		for _, cell := range cells {
			c.table += len([]rune(strings.Join(texts(cell), "")))
		}
	}
}

// texts collects every text below a JSON value.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			if text, ok := child.(string); ok && name == "text" {
				all = append(all, text)
				continue
			}
			all = append(all, texts(child)...)
		}
	case []any:
		for _, child := range v {
			all = append(all, texts(child)...)
		}
	}
	return all
}
