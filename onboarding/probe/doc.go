// Package probe sees a site as its visitors do: what answers at one address when it is asked for
// one name, over HTTP and over TLS, and whose certificate it shows.
//
// Names are in their ASCII form. It looks once and says what it saw, in plain sentences. What
// ought to be there, when to look and whom to tell is decided elsewhere; nothing here resolves
// names or knows of runs.
package probe
