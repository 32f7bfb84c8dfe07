#!/bin/bash
# What certbot calls in place of nginx, so that it need not sleep a second after each reload: after "-s reload" this
# returns when every old worker has stopped accepting connections, after three seconds at most. See "Many onboardings
# at once" in docs/install.md.
case " $* " in
*" -s reload "*) ;;
*) exec /usr/sbin/nginx "$@" ;;
esac
master=$(cat /run/nginx.pid) && workers=$(cat "/proc/$master/task/$master/children") || exec /usr/sbin/nginx "$@"
/usr/sbin/nginx "$@" || exit
for _ in {1..300}; do
	accepting=0
	for worker in $workers; do
		title=$(tr '\0' ' ' 2>/dev/null <"/proc/$worker/cmdline") || continue
		case $title in
		'' | *'shutting down'*) ;;
		*) accepting=1 ;;
		esac
	done
	[ "$accepting" = 0 ] && exit 0
	sleep 0.01
done
