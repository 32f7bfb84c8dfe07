package workspace

import (
	"encoding/json"
	"errors"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

// validateBlocks says what Slack would refuse, without posting anything:
// docs.slack.dev/reference/methods/blocks.validate. Its errors are objects, unlike those of the
// methods that post.
func validateBlocks(c *call) (reply, error) {
	var given []string
	for _, name := range []string{"blocks", "view", "message"} {
		if c.args.has(name) {
			given = append(given, name)
		}
	}
	if len(given) != 1 {
		return nil, unclear("must provide exactly one of `blocks`, `view`, or `message`")
	}
	what := given[0]
	problems, err := c.w.messages.problems(what, c.args.raw(what))
	if err != nil {
		return nil, unclear("`" + what + "` is not valid JSON of its kind")
	}
	if len(problems) == 0 {
		return nil, nil
	}
	var list []reply
	for _, p := range problems {
		list = append(list, reply{"code": "failed_constraint", "message": p.Text, "pointer": p.Pointer})
	}
	return nil, &apiError{code: "invalid_" + what, more: reply{"errors": list}}
}

func unclear(message string) error {
	return &apiError{code: "invalid_arguments", more: reply{"response_metadata": reply{"messages": []string{message}}}}
}

// problems are those of blocks, a view or a message.
func (ms *messages) problems(what string, raw []byte) ([]blockcheck.Problem, error) {
	v, err := blockcheck.Decode(raw)
	if err != nil {
		return nil, err
	}
	switch what {
	case "view":
		surface := blockcheck.Modal
		if object(v)["type"] == "home" {
			surface = blockcheck.Home
		}
		_, problems, err := blockcheck.View(raw, surface, ms.blockOptions())
		return problems, err
	case "message":
		if raw, err = json.Marshal(object(v)["blocks"]); err != nil || object(v)["blocks"] == nil {
			return nil, errors.Join(err, blockcheck.ErrFormat)
		}
	}
	blocks, problems, err := blockcheck.Blocks(raw, ms.blockOptions())
	if err == nil && !blockcheck.OnlyOneTable(blocks) {
		problems = append(problems, blockcheck.Problem{Text: "only_one_table_allowed", Pointer: "/blocks"})
	}
	return problems, err
}
