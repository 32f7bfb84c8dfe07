# Makes one commit in the work tree where it runs and pushes it: BRANCH REMOTE DOMAINS FOLDER.
# Standard input is a tar archive: before/PATH and after/PATH as far as they exist, paths (each with a NUL), message.
# Prints the hash of the commit that has the files. Exit statuses above 80 are told apart in commit.go.
set -euo pipefail
export LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_LITERAL_PATHSPECS=1
branch=$1 remote=$2 domains=$3 folder=$4
upstream=refs/remotes/$remote/$branch

stop() {
	status=$1
	shift
	printf '%s\n' "$*" >&2
	exit "$status"
}

same() { # FILE COPY: both are missing, or have the same bytes
	if [ -e "$2" ]; then [ -f "$1" ] && cmp -s -- "$1" "$2"; else [ ! -e "$1" ]; fi
}

unstage() { # takes paths from standard input out of the index
	git reset -q --pathspec-from-file=- --pathspec-file-nul
}

given=$(mktemp -d)
trap 'rm -rf -- "$given"' EXIT
tar -x -C "$given" --no-same-owner
[ -f "$given/message" ] || stop 1 'the change did not arrive whole'
mapfile -d '' -t paths <"$given/paths"
root=$(pwd -P)
prefix=$(git rev-parse --show-prefix)

# Look, before anything is written.
[ "$(git symbolic-ref -q HEAD || true)" = "refs/heads/$branch" ] || stop 83 "$root is not on the branch $branch"
for state in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge rebase-apply; do
	[ ! -e "$(git rev-parse --git-path "$state")" ] || stop 83 "$root has a merge or rebase under way"
done
index_lock=$(git rev-parse --git-path index.lock)
for ((i = 0; i < 10; i++)); do
	[ -e "$index_lock" ] || break
	sleep 0.2
done
[ ! -e "$index_lock" ] || stop 84 "$(realpath -- "$index_lock") exists"
if [ -n "$remote" ]; then
	git rev-parse -q --verify "$upstream" >/dev/null || git fetch -q "$remote" "+refs/heads/$branch:$upstream" ||
		stop 89 "$remote has no branch $branch or cannot be reached"
	while read -r commit email; do
		[ "$email" = "$GIT_COMMITTER_EMAIL" ] || stop 85 "$(git log -1 --format='%h by %an: %s' "$commit")"
	done < <(git log --format='%H %ce' "$upstream..HEAD")
fi
for path in "${paths[@]}"; do
	[ "$(realpath -m -- "$path")" = "$root/$path" ] || stop 81 "$path"
	[ ! -e "$path" ] || [ -f "$path" ] || stop 81 "$path"
	same "$path" "$given/after/$path" || same "$path" "$given/before/$path" || stop 82 "$path"
done

# Write.
for path in "${paths[@]}"; do
	after=$given/after/$path
	if [ ! -e "$after" ]; then
		rm -f -- "$path"
		[ ! -d "$(dirname -- "$path")" ] || rmdir -p --ignore-fail-on-non-empty -- "$(dirname -- "$path")"
		continue
	fi
	mode=644
	[ ! -x "$after" ] || mode=755
	if ! same "$path" "$after" || [ "$(stat -c %a -- "$path")" != "$mode" ]; then
		mkdir -p -- "$(dirname -- "$path")"
		install -m "$mode" -- "$after" "$path.onboardbot"
		mv -fT -- "$path.onboardbot" "$path"
	fi
done

# What the commit must be: HEAD with these files changed and nothing else.
head=$(git rev-parse --verify HEAD)
update() { git update-index --add --remove -z --stdin <"$given/paths"; }
tree=$(
	export GIT_INDEX_FILE=$given/index
	git read-tree "$head"
	update
	git write-tree
)
while IFS= read -r -d '' name; do
	case $name in "$prefix$folder"/*) ;; *) stop 81 "$name" ;; esac
done < <(git diff-tree -r -z --name-only --no-renames "$head" "$tree")

commit=$head
if [ "$tree" != "$(git rev-parse "$head^{tree}")" ]; then
	update
	if ! git commit -q --only --no-gpg-sign --cleanup=whitespace -F "$given/message" \
		--pathspec-from-file="$given/paths" --pathspec-file-nul >&2; then
		unstage <"$given/paths"
		stop 86 'git commit failed'
	fi
	commit=$(git rev-parse --verify HEAD)
	if [ "$(git rev-parse "$commit^{tree}") $(git rev-parse "$commit^@")" != "$tree $head" ]; then
		git update-ref -m 'onboardbot: undo an altered commit' "refs/heads/$branch" "$head" "$commit"
		git diff-tree -r -z --name-only --no-renames "$head" "$commit" | unstage
		stop 87 "more than the change is in the commit: $(git diff-tree -r --name-only --no-renames "$tree" "$commit" | head -n 3 | paste -sd ' ')"
	fi
fi

if [ -n "$remote" ] && [ "$(git rev-parse "$upstream")" != "$commit" ]; then
	while read -r own; do
		while IFS= read -r -d '' name; do
			case $name in "$prefix$domains"/*/*) ;; *) stop 90 "$own: $name" ;; esac
		done < <(git diff-tree -r -m -z --no-commit-id --name-only --no-renames "$own")
	done < <(git rev-list "$upstream..$commit")
	if ! git push --porcelain "$remote" "$commit:refs/heads/$branch" >"$given/push" 2>&1; then
		cat -- "$given/push" >&2
		! grep -q '^!.*\[rejected\]' "$given/push" || stop 88 "$remote has commits on $branch that are not here"
		stop 89 "git push to $remote failed"
	fi
fi
printf '%s\n' "$commit"
