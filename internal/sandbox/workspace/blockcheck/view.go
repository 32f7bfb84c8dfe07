package blockcheck

func blockList(c *checker, at string, v any) { c.blocks(at, v) }

var viewFields = fields{
	"private_metadata": str(0, 3000),
	"callback_id":      str(0, 255),
	"external_id":      str(0, 255),
	"blocks":           blockList,
}

func modalView(c *checker, at string, view map[string]any) {
	shape{
		fields: with(
			viewFields,
			fields{"type": enum("modal"), "title": plain(24), "submit": plain(24), "close": plain(24),
				"clear_on_close": boolean, "notify_on_close": boolean, "submit_disabled": boolean},
		),
		required: []string{"type", "title", "blocks"},
		also: func(c *checker, at string, m map[string]any) {
			if c.inputAt != "" && m["submit"] == nil {
				c.refuse(c.inputAt+"/input", "must define `submit` to use an `input` block in modals")
			}
		},
	}.check(
		c,
		at,
		view,
	)
}

func homeView(c *checker, at string, view map[string]any) {
	shape{
		fields:   with(viewFields, fields{"type": enum("home")}),
		required: []string{"type", "blocks"},
	}.check(
		c,
		at,
		view,
	)
}
