// Package sqltree reads SQL and PL/pgSQL with PostgreSQL's own parser, compiled to WebAssembly.
//
// The parser is compiled at its first use, which takes one to two seconds of one core, once in the
// life of a process. Callers therefore parse only what they need.
package sqltree
