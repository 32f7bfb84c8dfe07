# Observes a domain's folder: FOLDER TEMPLATE DOMAINS UPSTREAM BRANCH AUTHOR MOST. Prints what is committed there; the commits that
# only this branch or only the remote's has, a list of NUL-terminated entries that ends with an empty one; where there are any of
# this branch, the folder as the remote has it, and what those of AUTHOR change, at most MOST; the domains, a list; an archive
# of the folder in the work tree.
set -o pipefail
# mapfile runs here and not in a process of its own.
shopt -s nullglob dotglob lastpipe
export LC_ALL=C GIT_LITERAL_PATHSPECS=1 GIT_OPTIONAL_LOCKS=0
# What is shown is what would be pushed: replace refs and grafts make git show other objects than it sends.
export GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=/dev/null/none

# files REVISION FOLDER... prints the files as git-ls-tree(1) does, a list; the objects in the same order, git-cat-file(1); and the
# number and the size of each file that a filter makes another of in the work tree, such as of a pointer of Git LFS, with what
# it makes of it, up to the line "end".
files() {
	local revision=$1 entries paths attributes filtered=() copy= i=0
	shift
	git ls-tree -r -z "$revision" -- "$@" | mapfile -d '' -t entries || exit 1
	if ((${#entries[@]} > 0)); then
		printf '%s\0' "${entries[@]}" ''
		paths=("${entries[@]#*$'\t'}") entries=("${entries[@]%%$'\t'*}")
		exec {attributes}< <(printf '%s\0' "${paths[@]}" |
			git check-attr -z --stdin filter eol ident working-tree-encoding) # beside the next
		printf '%s\n' "${entries[@]##* }" | git cat-file --batch='%(objecttype) %(objectsize)' || exit 1
		while IFS= read -r -d '' && IFS= read -r -d '' attribute && IFS= read -r -d '' value; do
			case $attribute:$value in
			*:unspecified | *:unset | filter:set | eol:lf) ;;
			*) filtered[i / 4]=${paths[i / 4]} ;;
			esac
			((++i))
		done <&"$attributes"
		exec {attributes}<&-
		((i == 4 * ${#paths[@]})) || exit 1
		for i in "${!filtered[@]}"; do
			[ -n "$copy" ] || { copy=$(mktemp) && trap 'rm -f -- "$copy"' EXIT; } || exit 1
			# A filter that cannot be run leaves the file as it is stored.
			if timeout 20 git cat-file --filters "$revision:./${filtered[i]}" >"$copy" 2>/dev/null </dev/null; then
				printf '%s %s\n' "$i" "$(stat -c %s -- "$copy")" && cat -- "$copy"
			fi
		done
		[ -z "$copy" ] || rm -f -- "$copy"
	else
		printf '\0'
	fi
	echo end
}

# changed COMMIT prints its name and what it changes, git-diff-tree(1), a list; and the objects before and after of each file in
# the same order, git-cat-file(1). A commit of several parents changes nothing here.
changed() {
	local entries i before after
	git diff-tree -r -z --root --no-renames --no-abbrev "$1" | mapfile -d '' -t entries || exit 1
	((${#entries[@]} > 0)) || entries=("$1")
	printf '%s\0' "${entries[@]}" ''
	for ((i = 1; i < ${#entries[@]}; i += 2)); do
		read -r _ _ before after _ <<<"${entries[i]}"
		printf '%s\n' "$before" "$after"
	done | git cat-file --batch='%(objecttype) %(objectsize)' || exit 1
}

commits=(end)
[ -z "$4" ] || exec {log}< <(
	git rev-list --left-right --no-commit-header --format="%m%x09%H%x09%P%x09%ae%x09$(
	)%(trailers:key=Run,valueonly,separator=%x2C)%x09%(trailers:key=Digest,valueonly,separator=%x2C)%x09%an <%ae>%x09%s" \
		"$4...refs/heads/$5" -- && echo end
) # beside the next
files HEAD "$1/" "$2/"
[ -z "$4" ] || mapfile -t commits <&"$log"
[ "${commits[-1]-}" = end ] || exit 1
unset 'commits[-1]'
((${#commits[@]} == 0)) || printf '%s\0' "${commits[@]}"
printf '\0'
for commit in "${commits[@]}"; do
	if [[ $commit == '>'* ]]; then
		files "$4" "$1/"
		printf '%s\0' "$(git rev-parse --show-prefix)/" # it may be empty
		for commit in "${commits[@]}"; do
			IFS=$'\t' read -r side commit _ author _ <<<"$commit"
			[ "$side$author" != ">$6" ] || ((most++ >= $7)) || changed "$commit"
		done
		printf '\0'
		break
	fi
done
for domain in "$3"/*/; do
	domain=${domain%/}
	[ -h "$domain" ] || printf '%s\0' "${domain##*/}"
done
printf '\0'
[ ! -e "$1" ] || tar -C "$1" --sort=name --format=posix -cf - .
