package certificates

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// readTimer prints what systemd says of certbot's timer, as Debian, snap or Fedora calls it, and of its last run; and whether cron starts
// certbot, where there is no such timer. Debian's own entry for cron does nothing under systemd.
const readTimer = `entries() { grep -hsE '^[^#]*certbot' /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/* /var/spool/cron/root; }
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

// timer says what starts certbot on the host, and what is wrong with that.
func (d *Doctor) timer(ctx context.Context, host string) (state, reasons []string) {
	out, err := d.certbot.output(ctx, host, readTimer)
	if err != nil {
		return nil, []string{fmt.Sprintf("the state of certbot's timer on %s cannot be read: %v", host, err)}
	}
	properties := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && len(properties) < 20 {
			value = printable(value, 100)
			properties[key] = value
			state = append(state, key+"="+value)
		}
	}
	return state, timerReasons(host, properties)
}

func timerReasons(host string, properties map[string]string) []string {
	is := func(key string, values ...string) bool {
		for _, value := range values {
			if properties[key] == value {
				return true
			}
		}
		return false
	}
	var reasons []string
	timer := cmp.Or(properties["Timer"], "certbot.timer")
	switch {
	case is("Cron", "yes") && is("CronRunning", "no"):
		reasons = append(reasons, fmt.Sprintf("cron is to start certbot on %s, but cron does not run there: nothing starts it", host))
	case is("Cron", "no"):
		reasons = append(reasons, fmt.Sprintf("%s has neither a timer of systemd nor a cron entry for certbot: nothing starts it", host))
	case is("Cron", "yes"):
	case is("ActiveState", "inactive", "failed"):
		reasons = append(reasons, fmt.Sprintf("%s on %s is %s: systemctl enable --now %s", timer, host, properties["ActiveState"], timer))
	}
	if result := properties["Result"]; result != "" && result != "success" {
		reasons = append(reasons, fmt.Sprintf("certbot's last run on %s ended with %s, status %s", host, result, properties["ExecMainStatus"]))
	}
	return reasons
}

// readLog prints the end of certbot's log.
const readLog = `tail -n 400 /var/log/letsencrypt/letsencrypt.log 2>/dev/null || true`

const (
	lastWords = 12  // lines
	wordLimit = 300 // runes in each
)

// LastWords returns the last lines of certbot's log that say that something is wrong, oldest first.
func (c Certbot) LastWords(ctx context.Context, host string) ([]string, error) {
	out, err := c.output(ctx, host, readLog)
	if err != nil {
		return nil, fmt.Errorf("certbot's log on %s cannot be read: %w", host, err)
	}
	return parseLog(out), nil
}

func parseLog(log []byte) []string {
	var said []string
	for line := range strings.Lines(string(log)) {
		if line = printable(strings.TrimSpace(line), wordLimit); telling(line) {
			said = append(said, line)
		}
	}
	return said[max(0, len(said)-lastWords):]
}

// telling says whether a line of certbot's log says what went wrong: what it prints to people, with the authority's problems.
func telling(line string) bool {
	if strings.Contains(line, ":DEBUG:") {
		return false
	}
	for _, word := range []string{"Domain:", "Type:", "Detail:"} {
		if strings.HasPrefix(line, word) {
			return true
		}
	}
	for _, word := range []string{":WARNING:", ":ERROR:", ":CRITICAL:", "Challenge failed", "urn:ietf:params:acme:error:", "rror: "} {
		if strings.Contains(line, word) {
			return true
		}
	}
	return false
}

// printable makes text of a host fit to be shown: no control characters, not too long.
func printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if utf8.RuneCountInString(text) > limit {
		text = string([]rune(text)[:limit-1]) + "…"
	}
	return text
}
