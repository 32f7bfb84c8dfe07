// Package imagine makes up values that columns would take.
package imagine

import (
	"crypto/rand"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Value is a value that a column would take. nil is NULL.
func Value(c *catalog.Column) *string {
	if !c.NotNull {
		return nil
	}
	switch {
	case c.Label != "":
		return &c.Label
	case c.Type == "uuid":
		return new(uuid.NewString())
	case strings.HasSuffix(c.Type, "[]"), strings.HasPrefix(c.Type, "json"):
		return new("{}")
	case strings.HasSuffix(c.Type, "range"):
		return new("empty")
	}
	switch c.Category {
	case catalog.Numeric:
		return new("1")
	case catalog.Boolean:
		return new("true")
	case catalog.DateTime:
		return new("2001-02-03 04:05:06+00")
	case catalog.Timespan:
		return new("1 hour")
	case catalog.Network:
		return new("127.0.0.1")
	}
	return new("x")
}

var typeLength = regexp.MustCompile(`\((\d+)\)`)

// Unique is a value unlike all others, for a column of a unique key. It is nil if the type has
// none to spare.
func Unique(c *catalog.Column) *string {
	switch {
	case c.Type == "uuid":
		return new(uuid.NewString())
	case c.Type == "smallint":
		return new(randomNumber(20_000, 32_000))
	case c.Type == "integer":
		return new(randomNumber(1_900_000_000, 2_147_000_000))
	case c.Category == catalog.Numeric:
		return new(randomNumber(8_000_000_000_000_000, 9_000_000_000_000_000))
	case c.Category == catalog.String:
		text := strings.ReplaceAll(uuid.NewString(), "-", "")
		if match := typeLength.FindStringSubmatch(c.Type); match != nil {
			if n, err := strconv.Atoi(match[1]); err == nil && n < len(text) {
				text = text[:n]
			}
		}
		return &text
	case c.Category == catalog.DateTime && strings.HasPrefix(c.Type, "timestamp"):
		return new("2001-02-03 04:05:06." + randomNumber(100_000, 999_999))
	}
	return nil
}

// enoughVaried is how many random letters and digits make a value that no other row has.
const enoughVaried = 6

// UniqueLike is [Unique], in the shape of the row's value, which the column's constraints let
// pass. Policies may ask for parts that repeat one of the row's own ids, such as the folder of a
// file, so these stay.
func UniqueLike(c *catalog.Column, values map[string]*string, ids []string) *string {
	value := values[c.Name]
	if value == nil || c.Category != catalog.String || tenancy.IsUUID(*value) {
		return Unique(c)
	}
	parts, kept, varied := strings.SplitAfter(*value, "/"), false, 0
	for i, part := range parts {
		text := strings.TrimSuffix(part, "/")
		if slices.ContainsFunc(ids, func(id string) bool { return values[id] != nil && *values[id] == text }) {
			kept = true
			continue
		}
		var n int
		parts[i], n = vary(part)
		varied += n
	}
	like := strings.Join(parts, "")
	switch {
	case varied >= enoughVaried:
		return &like
	case kept:
		like += *Unique(c)
		return &like
	}
	return Unique(c)
}

// vary replaces the ASCII letters and digits of a text by random ones, and counts them.
func vary(text string) (varied string, n int) {
	varied = strings.Map(func(r rune) rune {
		first, size := '0', int64(10)
		switch {
		case r >= 'a' && r <= 'z':
			first, size = 'a', 26
		case r >= 'A' && r <= 'Z':
			first, size = 'A', 26
		case r < '0' || r > '9':
			return r
		}
		n++
		return first + rune(randomBelow(size))
	}, text)
	return varied, n
}

func randomNumber(low, high int64) string { return strconv.FormatInt(low+randomBelow(high-low), 10) }

func randomBelow(limit int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(limit))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return n.Int64()
}
