package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
)

// table prints the measures as a Markdown table.
func (t *tree) table(out io.Writer) {
	var files, lines, lengths []int
	for _, p := range t.packages {
		files, lines = append(files, p.files), append(lines, p.lines)
	}
	many := 0
	for _, f := range t.functions {
		lengths = append(lengths, f.lines)
		if f.params >= manyParams {
			many++
		}
	}
	types := t.types()
	row := func(measure, format string, args ...any) {
		fmt.Fprintf(out, "| %s | %s |\n", measure, fmt.Sprintf(format, args...))
	}
	row("measure", "product")
	row("---", "---")
	row("lines / packages", "%d / %d", t.lines, len(t.packages))
	row("files in a package, median / p90 / most", "%d / %d / %d", quantile(files, .5),
		quantile(files, .9), quantile(files, 1))
	row("lines in a package, median / most", "%d / %d", quantile(lines, .5), quantile(lines, 1))
	row("function lines, median / p99 / most", "%d / %d / %d", quantile(lengths, .5), quantile(lengths, .99),
		quantile(lengths, 1))
	row("functions of 5 or more parameters", "%d", many)
	row("lines over 120 columns", "%d (%.1f %%)", len(t.wide), 100*float64(len(t.wide))/float64(max(t.lines, 1)))
	row("most methods on one type", "%d (%s)", types[0].count, types[0].name)
	row("types of more than 30 methods", "%d",
		len(slices.DeleteFunc(slices.Clone(types), func(c counted) bool { return c.count <= maxMethods })))
	row("runnable Examples", "%d", t.examples)
}

// counted is a thing and how many of something it has.
type counted struct {
	name  string
	count int
}

func sortDown(all []counted) []counted {
	slices.SortFunc(all, func(a, b counted) int { return cmp.Or(b.count-a.count, cmp.Compare(a.name, b.name)) })
	return all
}

// types are all types with methods, those with the most first.
func (t *tree) types() []counted {
	all := []counted{}
	for dir, p := range t.packages {
		for name, count := range p.methods {
			all = append(all, counted{dir + "." + name, count})
		}
	}
	return sortDown(append(all, counted{"none", 0}))
}

// largest prints what stands out, for whoever wants to cut it.
func (t *tree) largest(out io.Writer) {
	var files, lines, lengths, params []counted
	for dir, p := range t.packages {
		files, lines = append(files, counted{dir, p.files}), append(lines, counted{dir, p.lines})
	}
	for _, f := range t.functions {
		lengths = append(lengths, counted{f.name, f.lines})
		if f.params >= manyParams {
			params = append(params, counted{f.name, f.params})
		}
	}
	wide := map[string]int{}
	for _, line := range t.wide {
		wide[line.file]++
	}
	var widest []counted
	for file := range maps.Keys(wide) {
		widest = append(widest, counted{file, wide[file]})
	}
	for _, part := range []struct {
		title string
		all   []counted
		most  int
	}{
		{"files in a package", files, 12}, {"lines in a package", lines, 12}, {"methods on a type", t.types(), 15},
		{"lines of a function", lengths, 12}, {"parameters", params, len(params)},
		{"lines over 120 columns", widest, len(widest)},
	} {
		fmt.Fprintf(out, "\n%s\n", part.title)
		for _, each := range sortDown(part.all)[:min(part.most, len(part.all))] {
			fmt.Fprintf(out, "%6d  %s\n", each.count, each.name)
		}
	}
}

// exceeded returns a line for everything over a limit. A package may be larger than the limits if
// its comment says why, in a sentence with the words "why the package".
func (t *tree) exceeded() []string {
	var all []string
	for _, line := range t.wide {
		all = append(all,
			fmt.Sprintf("%s:%d: %d columns, of at most %d", line.file, line.line, line.columns, maxColumns))
	}
	for _, dir := range slices.Sorted(maps.Keys(t.packages)) {
		p := t.packages[dir]
		if p.explained {
			continue
		}
		if p.files > maxFiles {
			all = append(all, fmt.Sprintf("%s: %d files, of at most %d", dir, p.files, maxFiles))
		}
		if p.lines > maxLines {
			all = append(all, fmt.Sprintf("%s: %d lines, of at most %d", dir, p.lines, maxLines))
		}
	}
	for _, f := range t.functions {
		if f.params >= manyParams {
			all = append(all, fmt.Sprintf("%s: %d parameters: make them a struct", f.name, f.params))
		}
	}
	for _, of := range t.types() {
		if of.count > maxMethods {
			all = append(all, fmt.Sprintf("%s: %d methods, of at most %d", of.name, of.count, maxMethods))
		}
	}
	return all
}
