package blockcheck

// A plan holds task cards that need no type of their own; its title is a bare string although the
// page calls it an object, and a pending task exists only inside a plan
// (docs.slack.dev/reference/block-kit/blocks/plan-block, as live Slack reads it).

const maxTasks = 50

var source = shape{
	fields:   fields{"type": enum("url"), "url": link, "text": str(1, 0)},
	required: []string{"type", "url", "text"},
}.check

func task(statuses ...string) shape {
	s := block(
		fields{
			"task_id":    str(1, 255),
			"title":      str(1, 0),
			"status":     enum(statuses...),
			"details":    richText,
			"output":     richText,
			"sources":    list(source, 0, 0),
			"hide_title": boolean,
		},
		"task_id",
		"title",
	)
	s.also = func(c *checker, at string, m map[string]any) {
		id, _ := m["task_id"].(string)
		if id == "" {
			return
		}
		if c.taskIDs[id] {
			c.refuse(at+"/task_id", "`task_id` \"%s\" already exists", id)
		}
		c.taskIDs[id] = true
	}
	return s
}

func taskCard(c *checker, at string, v any) { task("in_progress", "complete", "error").check(c, at, v) }

func plan(c *checker, at string, v any) {
	statuses := []string{"pending", "in_progress", "complete", "error"}
	inside := task(statuses...)
	one := func(c *checker, at string, v any) {
		if m, ok := v.(map[string]any); ok && m["type"] != nil && m["type"] != "task_card" {
			c.refuse(at+"/type", "must be a valid enum value")
			return
		}
		inside.check(c, at, v)
	}
	block(
		fields{"title": str(1, 0), "tasks": list(one, 0, maxTasks), "status": enum(statuses...)},
		"title",
	).check(c, at, v)
}
