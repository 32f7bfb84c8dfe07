// Package secret holds values that must never be printed: tokens, passwords, connection strings.
// They print as <secret> in fmt, JSON, YAML and slog.
package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
)

// Redacted is how a non-empty secret prints.
const Redacted = "<secret>"

// ErrUnset means that a secret names an environment variable that is not set or empty.
var ErrUnset = errors.New("environment variable is not set")

// String is a secret text. Only Reveal returns it. An empty one prints as nothing, so a missing
// secret can be seen.
type String struct{ value string }

// New wraps a value.
func New(value string) String {
	remember(value)
	return String{value: value}
}

// Reveal returns the value itself. Pass it to the call that needs it, and never to one that
// formats.
func (s String) Reveal() string { return s.value }

// IsZero reports whether there is no value. YAML's omitempty calls it.
func (s String) IsZero() bool { return s.value == "" }

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// Expand returns the secret with each ${NAME} replaced by that environment variable. If a variable
// is missing or empty, the error names it and wraps [ErrUnset]. No error contains other parts of
// the value.
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
	return New(expanded), nil
}

// References returns the environment variables that the value names as ${NAME}, in order.
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

// Format implements fmt.Formatter, because verbs such as %x and %d would print the field.
func (s String) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.redacted()) }

// LogValue implements slog.LogValuer.
func (s String) LogValue() slog.Value { return slog.StringValue(s.redacted()) }

// MarshalText implements encoding.TextMarshaler, for JSON and others.
func (s String) MarshalText() ([]byte, error) { return []byte(s.redacted()), nil }

// UnmarshalText takes the text as it is, without [String.Expand].
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (s String) MarshalYAML() (any, error) { return s.redacted(), nil }

// UnmarshalYAML implements the function form of yaml.Unmarshaler.
func (s *String) UnmarshalYAML(decode func(any) error) error {
	var value string
	if err := decode(&value); err != nil {
		return err
	}
	*s = New(value)
	return nil
}
