# Runs a command that only observes: DIR COMMAND...
case $1 in
'') ;;
'~') cd ;;
'~/'*) cd -- "$HOME/${1#??}" ;;
*) cd -- "$1" ;;
esac || exit 1
shift
"$@"
status=$?
# 255 is ssh's own.
[ "$status" -ne 255 ] || status=254
exit "$status"
