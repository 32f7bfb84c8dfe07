package dns

import "log/slog"

// Secret is a value that prints as <secret>, whatever prints it.
type Secret string

const redacted = "<secret>"

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return redacted }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler], for JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
