// Package mail is the mail side of a domain: which MX, SPF, DKIM and DMARC records its plan needs, how they go together with those that
// somebody else put there, where its signing keys lie, and whether what is published works.
//
// Here live plans, patterns, keys and their records. Publishing is the dns package's, running commands the hosts'; nothing here
// knows of runs or of chat. No private key ever passes through: it is made on the host that signs, and only its public half is read.
package mail
