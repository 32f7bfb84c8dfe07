package namespace

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// User is the name of the user who entered the namespace, and the command prefix that makes a
// process that user's again.
//
// Root entered as root and needs no prefix. An ordinary user is shown as root inside, and daemons
// that take root's duties seriously then fail (nginx changes owners, sshd changes groups): the
// prefix gives them a user namespace of their own.
func User() (name string, prefix []string, err error) {
	content, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return "", nil, err
	}
	var inside, outside, size int64
	if _, err := fmt.Sscan(string(content), &inside, &outside, &size); err != nil {
		return "", nil, fmt.Errorf("/proc/self/uid_map: %w", err)
	}
	if size > 1 {
		outside = int64(os.Getuid())
	} else {
		uid := strconv.FormatInt(outside, 10)
		prefix = []string{"unshare", "--user", "--map-user=" + uid, "--map-group=" + uid, "--"}
	}
	account, err := user.LookupId(strconv.FormatInt(outside, 10))
	if err != nil {
		return "", nil, err
	}
	return account.Username, prefix, nil
}
