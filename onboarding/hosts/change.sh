# Runs a command that changes something, to its end: LOCKFILE SECONDS DIR FENCEFILE NUMBER OWNER BYTES COMMAND...
file=$1 limit=$2 dir=$3 fence=$4 number=$5 owner=$6 bytes=$7
shift 7
busy() { # NAME
	echo "onboardbot: lock is taken${1:+ by $1}" >&2
	exit 75
}
# All of the command's input is here before the lock is taken. A client that freezes or dies while it sends holds up
# nobody, and no command gets half of its input.
if [ "$bytes" -gt 0 ]; then
	input=$(mktemp "${file%/*}/onboardbot-input-XXXXXXXX") && exec 6<"$input" 7>"$input" || exit 1
	rm -- "$input"
	timeout "$limit" head --bytes="$bytes" >&7
	[ "$(stat -L --format=%s /dev/fd/6)" = "$bytes" ] || { echo 'onboardbot: the input was cut short' >&2; exit 74; }
	exec <&6 6<&- 7>&-
fi
# Nobody else on the host can hold the lock.
[ -e "$file" ] || (umask 077 && : >>"$file") || exit 1
exec 9>>"$file" || exit 1
# The command and all its children inherit descriptor 9, and with it the lock. Who has it stands in the file.
flock --nonblock 9 || { read -r name <"$file"; busy "$name"; }
printf '%s\n' "$owner" >"$file" || exit 1
if [ -n "$fence" ]; then
	# The command inherits descriptor 8 too: all commands of one key exclude each other, whatever their locks are.
	[ -e "$fence" ] || find "${file%/*}" -maxdepth 1 -name 'onboardbot-*.fence' -mtime +30 -delete 2>/dev/null
	[ -e "$fence" ] || (umask 077 && : >>"$fence") || exit 1
	exec 8>>"$fence" || exit 1
	flock --nonblock 8 || { read -r _ name <"$fence"; busy "$name"; }
	read -r newest _ <"$fence"
	[ "$number" -ge "${newest:-0}" ] || { echo 'onboardbot: fenced off' >&2; exit 77; }
	printf '%s %s\n' "$number" "$owner" >"$fence" || exit 1
fi
case $dir in
'') ;;
'~') cd ;;
'~/'*) cd -- "$HOME/${dir#??}" ;;
*) cd -- "$dir" ;;
esac || exit 1
# The relay goes on reading when nobody hears it any more, so that the command never meets a broken pipe. Both outputs take
# it: of a session whose client is gone sshd closes standard output, but leaves standard error open and unread, and whoever
# writes there would wait for ever.
exec > >(exec tee -p /dev/null 8>&- 9>&-) 2>&1
timeout --verbose --kill-after=10 "$limit" "$@"
status=$?
# 255 is ssh's own.
[ "$status" -ne 255 ] || status=254
exit "$status"
