// Package hostcheck checks what the runbook needs on its hosts: programs, nginx and certbot on a
// VPS, and the work tree of the platform's repository. It changes nothing. A finding that failed
// has its fix.
package hostcheck
