package brand

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
)

// bytes writes the picture anew, with a view box in any case.
func (d *document) bytes() []byte {
	root := *d.root
	root.attrs = slices.DeleteFunc(slices.Clone(root.attrs), func(a attr) bool { return a.name == "viewBox" })
	root.attrs = append([]attr{{"viewBox", d.viewBox()}}, root.attrs...)
	return root.document()
}

func (d *document) viewBox() string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	return fmt.Sprintf("%s %s %s %s", number(d.x), number(d.y), number(d.width), number(d.height))
}

func (n *node) document() []byte {
	root := *n
	root.attrs = append([]attr{{"xmlns", svgSpace}}, root.attrs...)
	var out bytes.Buffer
	root.write(&out)
	out.WriteByte('\n')
	return out.Bytes()
}

// write never fails: a buffer takes everything.
func (n *node) write(out *bytes.Buffer) {
	if n.name == "" {
		_ = xml.EscapeText(out, []byte(n.text))
		return
	}
	out.WriteString("<" + n.name)
	for _, a := range n.attrs {
		out.WriteString(" " + a.name + `="`)
		_ = xml.EscapeText(out, []byte(a.value))
		out.WriteByte('"')
	}
	if len(n.children) == 0 {
		out.WriteString("/>")
		return
	}
	out.WriteByte('>')
	for _, child := range n.children {
		child.write(out)
	}
	out.WriteString("</" + n.name + ">")
}
