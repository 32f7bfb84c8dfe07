# Runs a command that changes something, to its end: LOCKFILE SECONDS DIR COMMAND...
file=$1 limit=$2 dir=$3
shift 3
exec 9>>"$file" || exit 1
# The command and all its children inherit descriptor 9, and with it the lock.
flock --nonblock 9 || { echo 'onboardbot: lock is taken' >&2; exit 75; }
case $dir in
'') ;;
'~') cd ;;
'~/'*) cd -- "$HOME/${dir#??}" ;;
*) cd -- "$dir" ;;
esac || exit 1
# The relay goes on reading when nobody hears it any more, so that the command never meets a broken pipe. Both outputs take
# it: of a session whose client is gone sshd closes standard output, but leaves standard error open and unread, and whoever
# writes there would wait for ever.
exec > >(exec tee -p /dev/null 9>&-) 2>&1
timeout --verbose --kill-after=10 "$limit" "$@"
status=$?
# 255 is ssh's own.
[ "$status" -ne 255 ] || status=254
exit "$status"
