package brand

import (
	"fmt"
	"strings"
)

// count refuses a picture that draws itself, or that a few elements which use each other blow up to more than a browser draws.
func (d *document) count() string {
	c := counter{byID: map[string]*node{}, known: map[*node]int{}}
	c.index(d.root)
	switch total := c.cost(d.root); {
	case c.circular:
		return "a part of it is drawn inside itself."
	case total > maxNodes:
		return fmt.Sprintf("its parts use each other so often that more than %d are drawn; simplify it.", maxNodes)
	}
	return ""
}

// counter knows how many elements are drawn for each.
type counter struct {
	byID     map[string]*node
	known    map[*node]int // 0 while it is being counted
	circular bool
}

func (c *counter) index(n *node) {
	if id := n.attr("id"); id != "" && c.byID[id] == nil {
		c.byID[id] = n
	}
	for _, child := range n.children {
		c.index(child)
	}
}

func (c *counter) cost(n *node) int {
	if cost, seen := c.known[n]; seen {
		c.circular = c.circular || cost == 0
		return cost
	}
	c.known[n] = 0
	cost := 1
	for _, child := range n.children {
		cost += c.cost(child)
	}
	for _, id := range n.references() {
		if target := c.byID[id]; target != nil {
			cost += c.cost(target)
		}
	}
	cost = min(cost, maxNodes+1)
	c.known[n] = cost
	return cost
}

// references are the ids of what an element draws besides its children.
func (n *node) references() []string {
	var ids []string
	for _, a := range n.attrs {
		if a.name == "href" {
			ids = append(ids, a.value[1:])
			continue
		}
		for _, reference := range cssURL.FindAllStringSubmatch(a.value, -1) {
			ids = append(ids, strings.TrimRight(strings.TrimPrefix(reference[1], "#"), `"' `))
		}
	}
	return ids
}
