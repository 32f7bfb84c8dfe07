package deployconfig_test

import (
	"os/exec"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/deployconfig"
)

// rewrites are lines after which bash may have another value than the line that assigns it says.
var rewrites = []string{
	`command eval 'REMOTE_DEST=/x'`,
	`builtin printf -v REMOTE_DEST /x`,
	`command read REMOTE_DEST <<< /x`,
	`\read REMOTE_DEST <<< /x`,
	`"read" REMOTE_DEST <<< /x`,
	`IFS= read -r REMOTE_DEST <<< /x || true`,
	`unset x; : "${x:=${REMOTE_DEST}}"`,
	`: "${REMOTE_DEST:=/x}"`,
	`: "${REMOTE_DEST:?missing}"`,
	`(( REMOTE_DEST = 1 )) || true`,
	`for (( REMOTE_DEST = 0; REMOTE_DEST < 1; REMOTE_DEST++ )); do :; done`,
	`x=$(( REMOTE_DEST = 5 ))`,
	`declare -a a; a[REMOTE_DEST=5]=1`,
	`let "REMOTE_DEST = 1" || true`,
	`coproc REMOTE_DEST { :; }`,
	`exec {REMOTE_DEST}>/dev/null`,
	`trap 'REMOTE_DEST=/x' DEBUG; :`,
	`typeset -u REMOTE_DEST`,
	`declare -u REMOTE_DEST=/var`,
	`f() { local -n r=REMOTE_DEST; r=/x; }; f`,
	`f() { declare -g REMOTE_DEST=/x; }; f`,
	`unset -v REMOTE_DEST`,
	`getopts ab REMOTE_DEST || true`,
	`mapfile -t REMOTE_DEST <<< /x`,
	`printf -vREMOTE_DEST /x`,
	`REMOTE_DEST+=/x`,
	`REMOTE_DEST[0]=/x`,
	`REMOTE_DEST=/x true`,
	`select REMOTE_DEST in /x; do break; done <<< 1 2>/dev/null`,
	`wait -p REMOTE_DEST -n 2>/dev/null || true`,
	`source /dev/stdin <<< 'REMOTE_DEST=/x'`,
	`declare -n alias_of=REMOTE_DEST; alias_of=/x`,
	`readonly REMOTE_DEST`,
	`export REMOTE_DEST REMOTE_NGINX_CONF`,
	`echo "to ${REMOTE_DEST%/} and ${#REMOTE_DEST}" >/dev/null`,
	`cat >/dev/null <<END
REMOTE_DEST=/x
END`,
	`# REMOTE_DEST=/x`,
	`( REMOTE_DEST=/x )`,
}

// readOnly is how many of them change nothing.
const readOnly = 8

// What is accepted has the values in bash that were set.
func TestScriptHasItsValuesInBash(t *testing.T) {
	t.Parallel()
	accepted := 0
	for _, rewrite := range rewrites {
		src := "REMOTE_DEST=/a\nREMOTE_NGINX_CONF=/b\n" + rewrite + "\n"
		edited, err := deployconfig.SetScript([]byte(src), wantScript)
		if err != nil {
			continue // refused
		}
		accepted++
		cmd := exec.Command("bash", "-c", string(edited)+"\nprintf '%s %s' \"$REMOTE_DEST\" \"$REMOTE_NGINX_CONF\"")
		out, err := cmd.CombinedOutput()
		if want := wantScript.RemoteDest + " " + wantScript.RemoteNginxConf; err != nil || string(out) != want {
			t.Errorf("%s: bash has %q, %v", rewrite, out, err)
		}
	}
	if accepted != readOnly {
		t.Errorf("%d accepted, want the %d that only read", accepted, readOnly)
	}
}
