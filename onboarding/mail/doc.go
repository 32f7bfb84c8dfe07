// Package mail plans the mail records of a domain: which MX, SPF, DKIM and DMARC records a mail
// plan needs, how they are merged with records that somebody else published, where the DKIM keys
// are, and whether what is published works.
//
// It publishes nothing and runs no commands: package dns does the one, package hosts the other. No
// private key passes through it: a key is generated on the host that signs, and only its public
// half is read.
package mail
