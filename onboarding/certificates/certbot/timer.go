package certbot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// readTimer prints the state of certbot's systemd timer, under its name on Debian, with snap or on
// Fedora, and the result of its last run. Without such a timer it prints whether a cron entry
// starts certbot. The entry that Debian installs does nothing under systemd, so it does not count
// there.
const readTimer = `entries() {
	grep -hsE '^[^#]*certbot' /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/* /var/spool/cron/root
}
if [ -d /run/systemd/system ]; then
	for timer in snap.certbot.renew.timer certbot-renew.timer certbot.timer; do
		[ "$(systemctl show "$timer" --property=LoadState --value)" = loaded ] && break
	done
	echo "Timer=$timer"
	systemctl show "$timer" --property=LoadState,ActiveState,UnitFileState,LastTriggerUSec,NextElapseUSecRealtime
	systemctl show "${timer%.timer}.service" --property=Result,ExecMainStatus
	[ "$(systemctl show "$timer" --property=LoadState --value)" = loaded ] && exit
	entries | grep -qv /run/systemd/system && echo Cron=yes || echo Cron=no
else
	entries | grep -q . && echo Cron=yes || echo Cron=no
fi
if pgrep -x cron >/dev/null || pgrep -x crond >/dev/null; then echo CronRunning=yes; else echo CronRunning=no; fi`

// Timer returns the state of what starts certbot on a host as lines of the form KEY=VALUE, and
// sentences about what is wrong with it.
func (h Hosts) Timer(ctx context.Context, host string) (state, problems []string) {
	out, err := h.output(ctx, host, readTimer)
	if err != nil {
		return nil, []string{fmt.Sprintf("the state of certbot's timer on %s cannot be read: %v", host, err)}
	}
	const maxProperties = 20
	properties := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && len(properties) < maxProperties {
			value = certificates.Printable(value, 100)
			properties[key] = value
			state = append(state, key+"="+value)
		}
	}
	return state, timerProblems(host, properties)
}

func timerProblems(host string, properties map[string]string) []string {
	is := func(key string, values ...string) bool { return slices.Contains(values, properties[key]) }
	timer := cmp.Or(properties["Timer"], "certbot.timer")
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	switch {
	case is("Cron", "yes") && is("CronRunning", "no"):
		add("a cron entry starts certbot on %s, but cron is not running there, so nothing starts it", host)
	case is("Cron", "no"):
		add("%s has neither a systemd timer nor a cron entry for certbot, so nothing starts it", host)
	case is("Cron", "yes"):
	case is("ActiveState", "inactive", "failed"):
		add("%s on %s is %s: systemctl enable --now %s", timer, host, properties["ActiveState"], timer)
	}
	if result := properties["Result"]; result != "" && result != "success" {
		add("the last run of certbot on %s ended with %s, status %s", host, result, properties["ExecMainStatus"])
	}
	return problems
}
