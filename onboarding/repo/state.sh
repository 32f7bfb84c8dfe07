# Observes a domain's folder: FOLDER TEMPLATE DOMAINS SPAN. Prints what is committed, "end"; the commits of the span and the
# domains, each a NUL-terminated list that ends with an empty entry; an archive of the folder in the work tree.
set -o pipefail
export LC_ALL=C
git() { command git --literal-pathspecs --no-optional-locks -c core.quotePath=false "$@"; }
git ls-tree -r --format='%(objectname) %(objectmode) %(path)' HEAD -- "$1/" "$2/" |
	git cat-file --batch='%(objecttype) %(objectsize) %(rest)' || exit 1
echo end
if [ -n "$4" ]; then
	git log -z --format='%H%x09%ce%x09%an <%ae>%x09%s' "$4" -- || exit 1
fi
printf '\0'
find "./$3" -mindepth 1 -maxdepth 1 -type d -printf '%f\0' || exit 1
printf '\0'
[ ! -e "$1" ] || exec tar -C "$1" --sort=name --format=posix -cf - .
