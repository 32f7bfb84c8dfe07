// Package inputs reads the words behind the slash command: a slug and key=value pairs, as people type them on keyboards that
// curl quotes and join dashes, and as Slack escapes them.
//
// Here live the grammar, the keys and the sentences about what does not parse. Whether a value is any good is for those who
// use it: nothing here knows of runs, of DNS or of chat.
//
// The lexer is written by hand because no library of shell words fits: a shell knows neither curly quotes nor Slack's links,
// gives backslashes and apostrophes a meaning that people do not expect, and cannot say at which character it gave up.
package inputs
