// Package certificates holds the nouns and rules about the certificates of onboarded domains: what
// a certificate, a site and a report are, which thresholds of its lifetime a certificate has
// passed, which reminders are due, what is left to renew, and which limits of the certificate
// authority forbid another attempt.
//
// It does no I/O of its own. The packages below it do: sweep connects to every site as a visitor
// does, certbot reads what certbot has on a host, renewalinfo asks certificate authorities,
// renewal decides and diagnoses, watch stores results and hands out reminders, and timeline draws.
// None of them knows Slack or runs: callers decide where a reminder is posted and who approves a
// renewal.
//
// Domain names are in ASCII (punycode) in data and in Unicode in sentences.
package certificates
