// Package secret holds values that must never be printed: tokens, passwords, connection strings. It prints <secret> wherever
// a value could leak through formatting, JSON, YAML or slog, and expands ${ENV}. It reads no files: that is for the loader.
package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
)

// Redacted is what a non-empty secret prints in every format.
const Redacted = "<secret>"

// ErrUnset means that a secret names an environment variable that is not set, or is empty.
var ErrUnset = errors.New("environment variable is not set")

// String is a secret text. Reveal alone gives it away; an empty one prints as nothing, so that "missing" stays visible.
type String struct{ value string }

// New wraps a value.
func New(value string) String { return String{value: value} }

// Reveal returns the value itself. Hand it to the one call that needs it and to nothing that formats.
func (s String) Reveal() string { return s.value }

// IsZero reports whether there is no value; YAML's omitempty asks for it.
func (s String) IsZero() bool { return s.value == "" }

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// Expand returns the secret with every ${NAME} replaced by that environment variable. A variable that is missing or empty is
// an error that names it and wraps [ErrUnset]; the rest of the value never shows.
func (s String) Expand() (String, error) {
	var missing []error
	expanded := reference.ReplaceAllStringFunc(s.value, func(match string) string {
		name := reference.FindStringSubmatch(match)[1]
		value := os.Getenv(name)
		if value == "" {
			missing = append(missing, fmt.Errorf("%s: %w", name, ErrUnset))
		}
		return value
	})
	if err := errors.Join(missing...); err != nil {
		return String{}, err
	}
	return String{value: expanded}, nil
}

// References are the environment variables that the value names as ${NAME}, in their order.
func (s String) References() []string {
	var names []string
	for _, match := range reference.FindAllStringSubmatch(s.value, -1) {
		names = append(names, match[1])
	}
	return names
}

func (s String) redacted() string {
	if s.value == "" {
		return ""
	}
	return Redacted
}

// String implements fmt.Stringer.
func (s String) String() string { return s.redacted() }

// GoString implements fmt.GoStringer, for %#v.
func (s String) GoString() string { return s.redacted() }

// Format implements fmt.Formatter, so that no verb (%x, %q, %d) finds another way in.
func (s String) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.redacted()) }

// LogValue implements slog.LogValuer.
func (s String) LogValue() slog.Value { return slog.StringValue(s.redacted()) }

// MarshalText serves JSON, YAML and everything else that encodes texts.
func (s String) MarshalText() ([]byte, error) { return []byte(s.redacted()), nil }

// UnmarshalText takes the value as it stands; see [String.Expand].
func (s *String) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (s String) MarshalYAML() (any, error) { return s.redacted(), nil }

// UnmarshalYAML implements the function form of yaml.Unmarshaler.
func (s *String) UnmarshalYAML(decode func(any) error) error { return decode(&s.value) }
