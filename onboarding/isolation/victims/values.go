package victims

import (
	"crypto/rand"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Imagine is a value that a column would take. nil is NULL.
func Imagine(c *catalog.Column) *string { return imagine(c) }

func imagine(c *catalog.Column) *string {
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

// uniqueLike is [Unique], in the shape of a value that the column's constraints let pass.
func uniqueLike(c *catalog.Column, value *string) *string {
	if value == nil || c.Category != catalog.String || tenancy.IsUUID(*value) {
		return Unique(c)
	}
	varied := 0
	like := strings.Map(func(r rune) rune {
		first, size := '0', int64(10)
		switch {
		case r >= 'a' && r <= 'z':
			first, size = 'a', 26
		case r >= 'A' && r <= 'Z':
			first, size = 'A', 26
		case r < '0' || r > '9':
			return r
		}
		varied++
		return first + rune(randomBelow(size))
	}, *value)
	if varied < enoughVaried {
		return Unique(c)
	}
	return &like
}

func randomNumber(low, high int64) string { return strconv.FormatInt(low+randomBelow(high-low), 10) }

func randomBelow(limit int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(limit))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return n.Int64()
}
