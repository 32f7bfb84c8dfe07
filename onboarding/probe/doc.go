// Package probe observes a site as its visitors do: what answers at one address to a request for
// one name, over HTTP and over TLS, and which certificate it serves.
//
// Names are in their ASCII form. A probe connects once and reports what it saw in plain sentences.
// What should be there, when to probe and whom to tell is decided elsewhere. The package resolves
// no names and knows no runs.
package probe
