# Runs a command: DIR COMMAND...
onboardbot() {
	case $1 in
	'') ;;
	'~') cd ;;
	'~/'*) cd -- "$HOME/${1#??}" ;;
	*) cd -- "$1" ;;
	esac || return 1
	shift
	"$@"
	set -- $?
	# 255 is ssh's own.
	[ "$1" -ne 255 ] || return 254
	return "$1"
}
