# Observes a domain's folder: FOLDER TEMPLATE DOMAINS SPAN. Prints what is committed, "end"; what filters make of it, "end"; the
# commits of the span and the domains, each a NUL-terminated list that ends with an empty entry; an archive of the folder in the
# work tree.
set -o pipefail
export LC_ALL=C
git() { command git --literal-pathspecs --no-optional-locks -c core.quotePath=false "$@"; }
git ls-tree -r --format='%(objectname) %(objectmode) %(path)' HEAD -- "$1/" "$2/" |
	git cat-file --batch='%(objecttype) %(objectsize) %(rest)' || exit 1
echo end
# What filters make of files in the work tree, such as of a pointer of Git LFS: again with size, mode and path.
filtered() {
	git ls-tree -r -z --name-only HEAD -- "$1/" "$2/" | git check-attr -z --stdin filter eol ident working-tree-encoding |
		while IFS= read -r -d '' path && IFS= read -r -d '' attribute && IFS= read -r -d '' value; do
			case $attribute:$value in
			*:unspecified | *:unset | filter:set | eol:lf) ;;
			*) printf '%s\0' "$path" ;;
			esac
		done | sort -zu
}
copy=
while IFS= read -r -d '' path; do
	[ -n "$copy" ] || { copy=$(mktemp) && trap 'rm -f -- "$copy"' EXIT; } || exit 1
	entry=$(git ls-tree --format='%(objectmode) %(path)' HEAD -- "$path") || exit 1
	# A filter that cannot be run leaves the file as it is stored.
	if timeout 20 git --literal-pathspecs --no-optional-locks cat-file --filters "HEAD:./$path" >"$copy" 2>/dev/null </dev/null; then
		printf 'blob %s %s\n' "$(stat -c %s -- "$copy")" "$entry" && cat -- "$copy" && echo
	fi
done < <(filtered "$1" "$2")
echo end
if [ -n "$4" ]; then
	git log -z --format='%H%x09%ce%x09%an <%ae>%x09%s' "$4" -- || exit 1
fi
printf '\0'
find "./$3" -mindepth 1 -maxdepth 1 -type d -printf '%f\0' || exit 1
printf '\0'
[ ! -e "$1" ] || tar -C "$1" --sort=name --format=posix -cf - .
