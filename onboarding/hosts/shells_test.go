package hosts_test

import (
	"errors"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// Whatever stands between sshd and a command, its answer and its exit status are its own. Where a
// terminal changes the bytes, nothing counts as an answer.
func TestWhatStandsBetween(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		lost   bool
	}{
		"a farewell":            {`bash -c "$SSH_ORIGINAL_COMMAND"; s=$?; echo 'session closed'; exit $s`, false},
		"a status of its own":   {`bash -c "$SSH_ORIGINAL_COMMAND"; exit 0`, false},
		"one output for both":   {`exec 2>&1; exec bash -c "$SSH_ORIGINAL_COMMAND"`, false},
		"a terminal":            {`exec script -qec "$SSH_ORIGINAL_COMMAND" /dev/null`, true},
		"a command of its own":  {`exec tclsh`, true},
		"options of the shell":  {`set -euf; IFS=:; eval "$SSH_ORIGINAL_COMMAND"`, false},
		"words without a shell": {`$SSH_ORIGINAL_COMMAND`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := forced(t, test.script)
			out, err := host.Output(context20(t), hosts.Command{Argv: []string{"printf", `a\n\000b`}})
			if test.lost {
				if !errors.Is(err, hosts.ErrLost) {
					t.Errorf("output %q, %v", out, err)
				}
				return
			}
			if err != nil || string(out) != "a\n\x00b" {
				t.Errorf("output %q, %v", out, err)
			}
			for _, lock := range []string{"", "repo"} {
				argv := []string{"sh", "-c", "echo x; exit 3"}
				_, err := host.Run(context20(t), hosts.Command{Argv: argv, Lock: lock}, nil)
				if !hosts.IsExit(err, 3) {
					t.Errorf("lock %q: %v", lock, err)
				}
			}
		})
	}
}
