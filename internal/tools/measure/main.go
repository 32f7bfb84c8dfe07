// Measure counts what the layout of the product is judged by: sizes of packages, files, functions
// and types, and the width of lines. Tests, the sandbox and the tools are left out, except that
// runnable examples are counted.
//
//	go run ./internal/tools/measure [-limits] [-list] [DIR]
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
)

// Limits that -limits holds. The style says why.
const (
	maxColumns = 120 // with a tab as four
	maxMethods = 30
	maxFiles   = 25
	maxLines   = 3500
	manyParams = 5
)

func main() {
	limits := flag.Bool("limits", false, "print only what exceeds a limit, and exit with status 1 if anything does")
	list := flag.Bool("list", false,
		"list the functions of five or more parameters and the largest packages, types and functions as well")
	flag.Parse()
	dir := "."
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	tree, err := read(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(2)
	}
	if !*limits {
		tree.table(os.Stdout)
		if *list {
			tree.largest(os.Stdout)
		}
		return
	}
	if exceeded := tree.exceeded(); len(exceeded) > 0 {
		for _, line := range exceeded {
			fmt.Fprintln(os.Stderr, line)
		}
		os.Exit(1)
	}
}

// quantile returns the value below which a share of the values lies, 0 for none.
func quantile(values []int, share float64) int {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
