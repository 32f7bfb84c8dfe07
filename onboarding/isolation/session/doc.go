// Package session opens sessions of the platform's app role as an attacker would, and lists the
// sessions that the platform's tenants give. A session's transaction is always rolled back.
//
// The identity setting is what the platform verified, or unset, empty, malformed or unknown.
// Every other custom setting and SET ROLE are the attacker's to choose.
package session
