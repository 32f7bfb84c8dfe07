# Looks at a VPS: TOOLS CERTBOT FOLDER... Prints lines: a word, a tab, what was seen.
export LC_ALL=C
say() { printf '%s\t%s\n' "$1" "$(printf %s "$2" | tr '\n\t' '  ')"; }
for tool in $1; do
	command -v "$tool" >/dev/null || say tool "$tool"
done
certbot=$2
shift 2
for folder; do
	[ -d "$folder" ] || say folder "$folder"
done
{ # beside certbot, which takes its time
	if version=$(nginx -v 2>&1); then
		say nginx "$version"
		said=$(nginx -t -q 2>&1) || say conf "$said"
	else
		say broken "$version"
	fi
} &
# certbot takes half a second to say its version, and its interpreter knows it at once.
version=
if path=$(command -v "$certbot") && read -r line <"$path"; then
	case $line in
	'#!'*/python3) version=$("${line#??}" -c 'import certbot, certbot_nginx; print("certbot", certbot.__version__, "with its nginx plugin")' 2>/dev/null) ;;
	esac
fi
if [ -n "$version" ] || version=$("$certbot" --version 2>&1); then
	say certbot "$version"
else
	say uncertified "$version"
fi
wait
