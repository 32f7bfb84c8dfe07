package hosts

import (
	"fmt"
	"strings"
)

// sshFailed is ssh's own exit status, ssh(1). The scripts that run on the host never exit with it.
const sshFailed = 255

// neverBegan maps what ssh says while it connects to a sentence about what to do. The texts come
// from OpenSSH's sshconnect.c, ssh_api and misc.c; libc's are those of connect(2). ssh has no
// other way to tell these apart.
var neverBegan = []struct{ said, means string }{
	{"REMOTE HOST IDENTIFICATION HAS CHANGED",
		"it shows another host key than known_hosts has: find out why before you replace the key there"},
	{"Host key verification failed", "its host key is not in known_hosts: compare the fingerprint and add the key"},
	{"host key is known for", "its host key is not in known_hosts: compare the fingerprint and add the key"},
	{"Permission denied (", "it refused the key: check the user, the key and its authorized_keys"},
	{"Too many authentication failures",
		"it refused every key offered: set IdentityFile and IdentitiesOnly in ssh_config"},
	{"Could not resolve hostname", "its name does not resolve: check HostName in ssh_config and the resolver"},
	{"Connection refused", "nothing listens on its ssh port: check the port and that sshd runs"},
	{"No route to host", "there is no route to it: check the network and its address"},
	{"Network is unreachable", "there is no route to it: check the network and its address"},
	{"timed out during banner exchange",
		"it accepts the connection and then sends nothing: sshd there may be overloaded"},
	{"Connection timed out", "it does not answer: check that it is up and that no firewall is in between"},
	{"Operation timed out", "it does not answer: check that it is up and that no firewall is in between"},
	{"kex_exchange_identification",
		"sshd closed the connection before the handshake: it may be overloaded or block this address"},
	{"Bad configuration option", "ssh_config has an error"},
	{"Can't open user config file", "ssh_config cannot be read"},
	{"Bad owner or permissions", "ssh_config belongs to someone else or others can write it"},
}

// sshError says what ssh's exit status 255 means, from what ssh itself logged. A text that is not
// known counts as a connection that broke: a command that may have begun is never taken for one
// that has not.
func (h *Host) sshError(log string) error {
	for _, failure := range neverBegan {
		if strings.Contains(log, failure.said) {
			return fmt.Errorf("%s: %w: %s (%s)", h.config.Name, ErrUnreachable, failure.means,
				reasonOf(log, failure.said))
		}
	}
	if log = lastLine(strings.TrimSpace(log)); log != "" {
		log = " (ssh: " + plain([]byte(log)) + ")"
	}
	return fmt.Errorf("%s: %w: the connection broke%s", h.config.Name, ErrLost, log)
}

// reasonOf returns the line of ssh's log that contains a text, "ssh" if none does.
func reasonOf(log, said string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, said) {
			return "ssh: " + strings.Trim(plain([]byte(strings.TrimSpace(line))), "@ ")
		}
	}
	return "ssh"
}
