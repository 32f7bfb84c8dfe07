# Makes one commit in the work tree where it runs and pushes it: BRANCH REMOTE DOMAINS FOLDER.
# Standard input is a tar archive: before/PATH and after/PATH as far as they exist, paths (each with a NUL), message.
# Prints the hash of the commit that has the files. Exit statuses above 80 are told apart in commit.go.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_LITERAL_PATHSPECS=1
# No housekeeping in the background: it would hold the lock long after the commit.
export GIT_CONFIG_COUNT=3 GIT_CONFIG_KEY_0=gc.auto GIT_CONFIG_VALUE_0=0 GIT_CONFIG_KEY_1=maintenance.auto GIT_CONFIG_VALUE_1=false
# The modes of the files are those that were approved, also where the repository ignores modes.
export GIT_CONFIG_KEY_2=core.fileMode GIT_CONFIG_VALUE_2=true
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

# Look, before anything is written. Every process counts: they are most of the time a commit takes.
where=$(git rev-parse --show-prefix --git-path index.lock --git-path MERGE_HEAD --git-path CHERRY_PICK_HEAD \
	--git-path REVERT_HEAD --git-path rebase-merge --git-path rebase-apply HEAD 'HEAD^{tree}' --symbolic-full-name HEAD)
mapfile -t where <<<"$where"
prefix=${where[0]} index_lock=${where[1]} head=${where[7]} head_tree=${where[8]}
[ "${where[9]}" = "refs/heads/$branch" ] || stop 83 "$root is not on the branch $branch"
for state in "${where[@]:2:5}"; do
	[ ! -e "$state" ] || stop 83 "$root has a merge or rebase under way"
done
for ((i = 0; i < 10; i++)); do
	[ -e "$index_lock" ] || break
	sleep 0.2
done
[ ! -e "$index_lock" ] || stop 84 "$(realpath -- "$index_lock") exists"
if ((i > 0)); then # whoever had it may have committed
	heads=$(git rev-parse HEAD 'HEAD^{tree}')
	{ read -r head && read -r head_tree; } <<<"$heads"
fi
if [ -n "$remote" ]; then
	unpushed() { git log --format='%H %ce' "$upstream..$head" -- >"$given/unpushed"; }
	if ! unpushed 2>/dev/null; then
		git fetch -q "$remote" "+refs/heads/$branch:$upstream" || stop 91 "$remote has no branch $branch or cannot be reached"
		unpushed
	fi
	while read -r commit email; do
		[ "$email" = "$GIT_COMMITTER_EMAIL" ] || stop 85 "$(git log -1 --format='%h by %an: %s' "$commit")"
	done <"$given/unpushed"
fi
real=$(realpath -m -- "${paths[@]}")
mapfile -t real <<<"$real"
for i in "${!paths[@]}"; do
	path=${paths[i]}
	[ "${real[i]}" = "$root/$path" ] || stop 81 "$path"
	[ ! -e "$path" ] || [ -f "$path" ] || stop 81 "$path"
	same "$path" "$given/after/$path" || same "$path" "$given/before/$path" || stop 82 "$path"
done

# Write.
for path in "${paths[@]}"; do
	after=$given/after/$path dir=${path%/*}
	if [ ! -e "$after" ]; then
		rm -f -- "$path"
		[ ! -d "$dir" ] || rmdir -p --ignore-fail-on-non-empty -- "$dir"
		continue
	fi
	mode=644
	[ ! -x "$after" ] || mode=755
	if ! same "$path" "$after" || [ "$(stat -c %a -- "$path")" != "$mode" ]; then
		[ -d "$dir" ] || mkdir -p -- "$dir"
		install -m "$mode" -- "$after" "$path.onboardbot"
		mv -fT -- "$path.onboardbot" "$path"
	fi
done

# What the commit must be: HEAD with these files changed and nothing else.
update() { git update-index --add --remove -z --stdin <"$given/paths"; }
tree=$(
	export GIT_INDEX_FILE=$given/index
	git read-tree "$head"
	update
	git write-tree
)
git diff-tree -r -z --name-only --no-renames "$head" "$tree" >"$given/names"
while IFS= read -r -d '' name; do
	case $name in "$prefix$folder"/*) ;; *) stop 81 "$name" ;; esac
done <"$given/names"

# It must have the bytes and the modes that were approved: attributes and filters may change files on their way in. What a
# filter stores in another form is compared as it comes out again.
kept=() copies=()
for path in "${paths[@]}"; do
	if [ -e "$given/after/$path" ]; then
		kept+=("$path") copies+=("$given/after/$path")
	fi
done
if ((${#kept[@]} > 0)); then
	declare -A stored=()
	git ls-tree -r -z "$tree" -- "${kept[@]}" >"$given/stored" # MODE TYPE OBJECT<tab>PATH
	while IFS= read -r -d '' entry; do
		stored[${entry#*$'\t'}]=${entry%%$'\t'*}
	done <"$given/stored"
	declare -A changes=() # the attributes by which a file may come out in another form than it was stored in
	git check-attr -z filter eol ident working-tree-encoding -- "${kept[@]}" >"$given/attributes"
	while IFS= read -r -d '' name && IFS= read -r -d '' attribute && IFS= read -r -d '' value; do
		case $attribute:$value in
		*:unspecified | *:unset | filter:set | eol:lf) ;;
		*) changes[$name]=$attribute ;;
		esac
	done <"$given/attributes"
	hashes=$(git hash-object --no-filters -- "${copies[@]}")
	mapfile -t hashes <<<"$hashes"
	for i in "${!kept[@]}"; do
		path=${kept[i]} filemode=100644
		[ ! -x "${copies[i]}" ] || filemode=100755
		entry=${stored[$path]-none}
		had=${entry%% *} object=${entry##* }
		[ "$had" = "$filemode" ] || stop 92 "$path would be committed with the mode $had instead of $filemode"
		if [ "$object" != "${hashes[i]}" ] || [ -n "${changes[$path]-}" ]; then
			git cat-file --filters --path="$prefix$path" "$object" | cmp -s - "${copies[i]}" ||
				stop 92 "$path would be committed with other bytes"
		fi
	done
fi

commit=$head
if [ "$tree" != "$head_tree" ]; then
	update
	if ! git commit -q --only --no-gpg-sign --cleanup=whitespace -F "$given/message" \
		--pathspec-from-file="$given/paths" --pathspec-file-nul >&2; then
		unstage <"$given/paths"
		stop 86 'git commit failed'
	fi
	made=$(git rev-parse HEAD 'HEAD^{tree}' 'HEAD^@')
	commit=${made%%$'\n'*}
	if [ "$made" != "$commit"$'\n'"$tree"$'\n'"$head" ]; then
		git update-ref -m 'onboardbot: undo an altered commit' "refs/heads/$branch" "$head" "$commit"
		git diff-tree -r -z --name-only --no-renames "$head" "$commit" | unstage
		stop 87 "more than the change is in the commit: $(git diff-tree -r --name-only --no-renames "$tree" "$commit" | head -n 3 | paste -sd ' ')"
	fi
fi

if [ -n "$remote" ] && { [ "$commit" != "$head" ] || [ -s "$given/unpushed" ]; }; then
	if [ -s "$given/unpushed" ]; then # what is made now was looked at
		git rev-list "$upstream..$commit" | git diff-tree --stdin -r -m --root -z --no-commit-id --name-only --no-renames >"$given/names"
		while IFS= read -r -d '' name; do
			case $name in "$prefix$domains"/*/*) ;; *) stop 90 "$name" ;; esac
		done <"$given/names"
	fi
	if ! git push --porcelain "$remote" "$commit:refs/heads/$branch" >"$given/push" 2>&1; then
		cat -- "$given/push" >&2
		! grep -q '^!.*\[rejected\]' "$given/push" || stop 88 "$remote has commits on $branch that are not here"
		stop 89 "git push to $remote failed"
	fi
fi
printf '%s\n' "$commit"
