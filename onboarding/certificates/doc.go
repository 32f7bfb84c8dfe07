// Package certificates watches the certificates that visitors of onboarded domains get: it looks at every name from outside,
// compares with what certbot has on the host, and says who must hear what, when, and why a renewal is not happening.
//
// It sweeps, judges, remembers in its own tables, and draws. It knows no chat and no run: where a reminder is posted, and who approves
// a renewal, is decided by its callers. Names are ASCII on the wire and Unicode for people.
package certificates
