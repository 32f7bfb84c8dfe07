# Looks at a work tree: BRANCH REMOTE PROGRAM TOOLS. Prints a line for what is wrong: a word, a tab, what was seen.
export LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0
for tool in $4; do
	command -v "$tool" >/dev/null || printf 'tool\t%s\n' "$tool"
done
branch=$(git symbolic-ref -q --short HEAD)
git rev-parse -q --verify HEAD >/dev/null || exit 1
[ "$branch" = "$1" ] || printf 'branch\t%s\n' "$branch"
index=$(git rev-parse --git-path index.lock)
for wait in 1 2 3 4 5 6; do # a commit of another run has it for a moment
	[ -e "$index" ] || break
	[ "$wait" = 6 ] && printf 'index\t%s\n' "$(realpath -- "$index")"
	sleep 0.2
done
case $3 in
*/*) [ -x "$3" ] || printf 'program\t%s\n' "$3" ;;
*) command -v "$3" >/dev/null || printf 'program\t%s\n' "$3" ;;
esac
if [ -n "$2" ]; then
	if tip=$(git ls-remote --exit-code "$2" "refs/heads/$1" 2>&1); then
		git merge-base --is-ancestor "${tip%%[!0-9a-f]*}" HEAD 2>/dev/null || printf 'behind\t%s has commits on %s\n' "$2" "$1"
	else
		printf 'remote\t%s\n' "$(printf %s "$tip" | tr '\n\t' '  ')"
	fi
fi
