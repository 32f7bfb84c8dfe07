// Package dns is the zone side of a domain: the records it should have, what each of its own name
// servers answers, and signed updates (RFC 2136 with RFC 8945 TSIG) that replace exactly what an
// approver saw.
//
// Here live records, observation, comparison and publishing. Which records a Provider needs, who
// approves them and when they are published is decided elsewhere; nothing here knows of runs or of
// chat.
package dns
