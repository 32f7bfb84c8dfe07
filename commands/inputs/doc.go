// Package inputs parses the text after the slash command: a slug and key=value pairs, typed on
// keyboards that curl quotes and join dashes, and escaped by Slack. It holds the grammar, the
// keys, and the sentences about what cannot be parsed. Whether a value is valid is for callers to
// decide.
//
// No library of shell words fits: a shell does not know curly quotes or Slack's links, gives
// backslashes and apostrophes a meaning that people do not expect, and does not say at which
// character parsing failed.
package inputs
