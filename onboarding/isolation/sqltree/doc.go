// Package sqltree reads SQL and PL/pgSQL with PostgreSQL's own parser, compiled to WebAssembly.
//
// The parser is compiled at its first use, which takes one to two seconds of one core, and kept in the
// user's cache folder. Where that cannot be written, each process compiles it. Callers parse only what
// they need.
package sqltree
