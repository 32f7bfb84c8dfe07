// Package runbook is the runbook: one file for each of its lines, which says what is left to do,
// and one that carries an approved change out, literally and item by item. It puts the platform's
// database, its repository, hosts, zones and sites together, each of which is a package of its
// own.
//
// Looking changes nothing, and nothing is done that a look did not return. Who may approve, when,
// and what happens after a crash is the domain's; how it reads in chat is nobody's business here.
package runbook
