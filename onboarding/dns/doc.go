// Package dns observes and changes the records of a domain: which records each of its own name
// servers returns, how they differ from those wanted, and publishers that replace exactly what an
// approver saw, such as signed updates (RFC 2136 with RFC 8945 TSIG).
//
// Which records a Provider needs, who approves them and when they are published is decided
// elsewhere. The package knows no runs and no chat.
//
// A new DNS provider implements [Publisher] in a file of its own.
package dns
