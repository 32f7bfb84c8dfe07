# Makes one commit in the work tree where it runs and pushes it: BRANCH REMOTE DOMAINS REBASE SIGN UNPUSHED. UNPUSHED are the
# commits, separated by blanks, that the push may publish with it.
# Standard input is a tar archive: before/PATH and after/PATH as far as they exist, paths (each with a NUL), message.
# Prints the hash of the commit that has the files. Exit statuses above 80 are told apart in commit.go.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_LITERAL_PATHSPECS=1
# What is judged is what is pushed: replace refs and grafts make git show other objects than it sends.
export GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=/dev/null/none
branch=$1 remote=$2 domains=$3 rebase=$4 sign=$5 approved=" $6 "
upstream=refs/remotes/$remote/$branch

stop() {
	status=$1
	shift
	printf '%s\n' "$*" >&2
	exit "$status"
}

settings=0
setting() { # KEY VALUE: of git-config(1), beside those of the repository
	export "GIT_CONFIG_KEY_$settings=$1" "GIT_CONFIG_VALUE_$settings=$2"
	export GIT_CONFIG_COUNT=$((++settings))
}
# No housekeeping in the background: it would hold the lock long after the commit.
setting gc.auto 0
setting maintenance.auto false
# The modes of the files are those that were approved, also where the repository ignores modes.
setting core.fileMode true
setting core.commitGraph false
setting advice.pushUpdateRejected false
# A push notes what the remote has, whatever else is fetched from there.
[ -z "$remote" ] || setting "remote.$remote.fetch" "+refs/heads/$branch:$upstream"
signing=--no-gpg-sign
if [ -n "$sign" ]; then
	signing=--gpg-sign
	setting user.signingKey "$sign"
	case $sign in
	/* | '~/'*) setting gpg.format ssh ;;
	*) setting gpg.format openpgp ;;
	esac
fi

# Look, before anything is written. Every process counts: they are most of the time a commit takes.
where=$(git rev-parse --show-prefix --absolute-git-dir --git-path index.lock --git-path MERGE_HEAD --git-path CHERRY_PICK_HEAD \
	--git-path REVERT_HEAD --git-path rebase-merge --git-path rebase-apply HEAD --symbolic-full-name HEAD)
mapfile -t where <<<"$where"
prefix=${where[0]} given=${where[1]}/onboardbot index_lock=${where[2]} head=${where[8]}
root=$(pwd -P)
[ "${where[9]}" = "refs/heads/$branch" ] || stop 83 "$root is not on the branch $branch"
for state in "${where[@]:3:5}"; do
	[ ! -e "$state" ] || stop 83 "$root has a merge or rebase under way"
done
for ((i = 0; i < 10; i++)); do
	[ -e "$index_lock" ] || break
	sleep 0.2
done
[ ! -e "$index_lock" ] || stop 84 "$(realpath -- "$index_lock") exists"
((i == 0)) || head=$(git rev-parse HEAD) # whoever had it may have committed

# What was given lies where it can be moved from into the work tree. Nobody else is here: the caller holds a lock.
[ ! -e "$given" ] || rm -rf -- "$given"
mkdir -- "$given"
trap 'wait; rm -rf -- "$given"' EXIT
tar -x -m -p -C "$given" --no-same-owner
[ -f "$given/message" ] || stop 1 'the change did not arrive whole'
mapfile -d '' -t paths <"$given/paths"

# only COMMIT FILES: stops unless a commit touches files of domains' folders alone, and leaves what it touches in a file.
only() {
	git diff-tree -r -m --root -z --no-commit-id --no-renames --no-abbrev "$1" >"$given/touched"
	while IFS= read -r -d '' entry && IFS= read -r -d '' name; do
		case $name in "$prefix$domains"/*/*) ;; *) stop 90 "$name" ;; esac
		case ${entry#* } in 100644\ * | 100755\ * | 000000\ *) ;; *) stop 90 "$name is no file" ;; esac
	done <"$given/touched"
}

# sum COMMIT: its subject and what it says about the approval. A hook may have added to its message.
sum() { git log -1 --format='%s%n%(trailers:key=Requester,key=Approver,key=Run,key=Digest)' "$1"; }

# named COMMIT: as people look for it.
named() { git log -1 --format='%h of run %(trailers:key=Run,valueonly,separator=%x2C): %s' "$1"; }

# signed COMMIT: whether it is signed with the key of this program.
signed() {
	local state key file
	if [[ $sign != [/~]* ]]; then
		read -r state key < <(git log -1 --format='%G? %GF' "$1") || return 1
		[[ $state = [GU] ]] && gpg --batch --with-colons --list-keys -- "${sign%!}" | grep "^fpr:.*:$key:" >/dev/null
		return
	fi
	if [ ! -e "$given/signers" ]; then
		file=${sign/#'~'/$HOME}
		{ grep -hE '^(ssh|ecdsa|sk)-' -- "$file" "$file.pub" 2>/dev/null || ssh-keygen -y -P '' -f "$file" </dev/null; } |
			sed 's/^/* /' >"$given/signers"
	fi
	[ "$(git -c "gpg.ssh.allowedSignersFile=$given/signers" log -1 --format=%G? "$1")" = G ]
}

# What a push would publish beside the commit, oldest first. Each must be this program's, and have been shown to approvers.
unpushed() {
	base=$(git rev-parse -q --verify "$upstream^{commit}") || return
	[ "$base" = "$head" ] ||
		git rev-list --reverse --no-commit-header --format="%H|%P|%(trailers:key=Run,valueonly,separator=%x2C)|$(
		)%(trailers:key=Digest,valueonly,separator=%x2C)|%ae" "$base..$head" --
}
made=
if [ -n "$remote" ]; then
	if [ -n "$rebase" ] || ! unpushed 2>/dev/null >"$given/unpushed"; then
		git fetch -q "$remote" "+refs/heads/$branch:$upstream" || stop 91 "$remote has no branch $branch or cannot be reached"
		unpushed >"$given/unpushed"
	fi
	while IFS='|' read -r commit parents run digest email; do
		[[ $email = "$GIT_AUTHOR_EMAIL" && $parents != *' '* && $digest =~ ^[0-9a-f]{64}$ && $run =~ ^[0-9a-f-]{36}$ ]] ||
			stop 85 "$(git log -1 --format='%h by %an: %s' "$commit")"
		only "$commit"
		[ -z "$sign" ] || signed "$commit" || stop 98 "$(git log -1 --format='%h by %an: %s' "$commit")"
		[[ $approved != *" $commit "* ]] || continue
		# It may be the commit for this very approval, made before the application was cut short.
		made=$commit
		{ [ "$commit" = "$head" ] && [ "$(sum "$commit")" = "$(
			sed -n -E '1p; /^(Requester|Approver|Run|Digest): /p' "$given/message"
		)" ]; } || stop 99 "$(named "$commit")"
	done <"$given/unpushed"
fi

# Put what is not pushed on top of what the remote has. Where the remote touched the same files, people decide.
if [ -n "$rebase" ]; then
	new=$base
	while IFS='|' read -r commit parent _; do
		if [ "$parent" = "$new" ]; then
			new=$commit
			continue
		fi
		only "$commit"
		mapfile -d '' -t touched <"$given/touched" # :MODE MODE OBJECT OBJECT STATUS, PATH
		names=()
		for ((i = 0; i < ${#touched[@]}; i += 2)); do
			names+=("${touched[i + 1]#"$prefix"}")
			read -r _ mode _ object _ <<<"${touched[i]}"
			printf '%s %s\t%s\0' "$mode" "$object" "${touched[i + 1]}"
		done >"$given/entries"
		git diff-tree -r --name-only "$parent" "$new" -- "${names[@]}" >"$given/conflicts"
		[ ! -s "$given/conflicts" ] || stop 93 "$(head -n 1 "$given/conflicts")"
		tree=$(
			export GIT_INDEX_FILE=$given/index
			git read-tree "$new"
			git update-index -z --index-info <"$given/entries"
			git write-tree
		)
		copied=$(git rev-list -1 --no-commit-header --date=raw --format='%an%n%ad%n%cd%n%B' "$commit")
		new=$(
			exec <<<"$copied"
			IFS= read -r GIT_AUTHOR_NAME
			IFS= read -r GIT_AUTHOR_DATE
			IFS= read -r GIT_COMMITTER_DATE
			export GIT_AUTHOR_NAME GIT_AUTHOR_DATE GIT_COMMITTER_DATE
			git commit-tree "$signing" -p "$new" -F - "$tree"
		)
	done <"$given/unpushed"
	if [ "$new" != "$head" ]; then
		git update-index -q --refresh >/dev/null || true
		git read-tree -m -u "$head" "$new" || stop 94 "$root has changes where $remote has others"
		git update-ref -m "onboardbot: on top of $remote" "refs/heads/$branch" "$new" "$head"
		head=$new
	fi
fi

# What is there, by git's hashes of the bytes themselves: of the work tree, and of the file before and after.
declare -A is=()
existing=() hashed=()
for path in "${paths[@]}"; do
	above=
	IFS=/ read -ra parts <<<"$path"
	for part in "${parts[@]}"; do
		[ ! -h "$above$part" ] || stop 81 "$path"
		above+=$part/
	done
	[ ! -e "$path" ] || [ -f "$path" ] || stop 81 "$path"
	for file in "$path" "$given/before/$path" "$given/after/$path"; do
		[ ! -f "$file" ] || existing+=("$file")
	done
done
git ls-tree -r -z "$head" -- "${paths[@]}" >"$given/committed" & # beside the next: MODE TYPE OBJECT<tab>PATH
committed=$!
((${#existing[@]} == 0)) || hashed=$(git hash-object --no-filters -- "${existing[@]}")
mapfile -t hashed <<<"$hashed"
for i in "${!existing[@]}"; do is[${existing[i]}]=${hashed[i]}; done
write=() remove=() kept=()
declare -A wanted=()
for path in "${paths[@]}"; do
	now=${is[$path]-} before=${is[$given/before/$path]-} after=${is[$given/after/$path]-}
	[ "$now" = "$after" ] || [ "$now" = "$before" ] || stop 82 "$path"
	if [ -z "$after" ]; then
		remove+=("$path")
		continue
	fi
	mode=100644 has=100644
	[ ! -x "$given/after/$path" ] || mode=100755
	[ ! -x "$path" ] || has=100755
	wanted[$path]="$mode $after"
	kept+=("$path")
	[ "$has $now" = "$mode $after" ] || write+=("$path")
done

# Write.
if ((${#remove[@]} > 0)); then
	rm -f -- "${remove[@]}"
	for path in "${remove[@]}"; do
		[ ! -d "${path%/*}" ] || rmdir -p --ignore-fail-on-non-empty -- "${path%/*}"
	done
fi
if ((${#write[@]} > 0)); then
	declare -A into=()
	for path in "${write[@]}"; do into[${path%/*}]=; done
	mkdir -p -- "${!into[@]}"
	for dir in "${!into[@]}"; do
		moved=()
		for path in "${write[@]}"; do
			[ "${path%/*}" != "$dir" ] || moved+=("$given/after/$path")
		done
		mv -f -t "$dir" -- "${moved[@]}"
	done
fi

# The commit must have the bytes and the modes that were approved: attributes and filters may change files on their way in. What
# a filter stores in another form is compared as it comes out again.
declare -A had=() staged=() changes=()
unstage() { git reset -q --pathspec-from-file="$given/paths" --pathspec-file-nul; }
if ((${#kept[@]} > 0)); then # the attributes by which a file may come out in another form than it was stored in
	git check-attr -z filter eol ident working-tree-encoding -- "${kept[@]}" >"$given/attributes" &
	attributes=$!
fi
wait "$committed"
while IFS= read -r -d '' entry; do
	read -r mode _ object <<<"${entry%%$'\t'*}"
	had[${entry#*$'\t'}]="$mode $object"
done <"$given/committed"
git update-index --add --remove -z --stdin <"$given/paths" || {
	unstage
	stop 92 'git cannot store the files'
}
git ls-files -s -z -- "${paths[@]}" >"$given/staged" # MODE OBJECT STAGE<tab>PATH
while IFS= read -r -d '' entry; do
	read -r mode object _ <<<"${entry%%$'\t'*}"
	staged[${entry#*$'\t'}]="$mode $object"
done <"$given/staged"
if ((${#kept[@]} > 0)); then
	wait "$attributes"
	while IFS= read -r -d '' name && IFS= read -r -d '' attribute && IFS= read -r -d '' value; do
		case $attribute:$value in
		*:unspecified | *:unset | filter:set | eol:lf) ;;
		*) changes[$name]=$attribute ;;
		esac
	done <"$given/attributes"
fi
for path in "${kept[@]}"; do
	mode=${wanted[$path]%% *} object=${staged[$path]-none}
	if [ "${object%% *}" != "$mode" ]; then
		unstage
		stop 92 "$path would be committed with the mode ${object%% *} instead of $mode"
	fi
	if [ "$object" != "${wanted[$path]}" ] || [ -n "${changes[$path]-}" ]; then
		if ! git cat-file --filters --path="$prefix$path" "${object##* }" | cmp -s - "$path"; then
			unstage
			stop 92 "$path would be committed with other bytes"
		fi
	fi
done
declare -A ours=()
differs=
for path in "${paths[@]}"; do
	ours[$path]=1
	[ "${had[$path]-}" = "${staged[$path]-}" ] || differs=1
done
if [ -n "$made" ]; then # a commit for this approval has the files of this approval, and no others
	git diff-tree -r -z --root --no-commit-id --no-renames --name-only "$made" >"$given/touched"
	while IFS= read -r -d '' name; do
		[ -n "${ours[${name#"$prefix"}]-}" ] || differs=1
	done <"$given/touched"
	[ -z "$differs" ] || stop 99 "$(named "$made")"
fi

commit=$head
if [ -n "$differs" ]; then
	if ! git commit -q --only "$signing" --cleanup=whitespace -F "$given/message" --pathspec-from-file="$given/paths" \
		--pathspec-file-nul >&2; then
		unstage
		stop 86 'git commit failed'
	fi
	# It must be what HEAD was with these files changed and nothing else.
	git diff-tree -r -z --no-renames --no-abbrev --format='%H %P' HEAD >"$given/made"
	{
		IFS= read -r -d '' made || true
		commit=${made%% *} altered=
		[ "$made" = "$commit $head" ] || altered='another parent'
		while IFS= read -r -d '' entry && IFS= read -r -d '' name; do
			read -r _ mode _ object status <<<"${entry#*:}"
			name=${name#"$prefix"}
			had[$name]="$mode $object"
			[ "$status" != D ] || had[$name]=
			[ -n "${ours[$name]-}" ] || altered+=" $name"
		done
	} <"$given/made"
	for path in "${paths[@]}"; do
		[ "${had[$path]-}" = "${staged[$path]-}" ] || altered+=" $path"
	done
	if [ -n "$altered" ]; then
		commit=$(git rev-parse HEAD)
		git update-ref -m 'onboardbot: undo an altered commit' "refs/heads/$branch" "$head" "$commit"
		cd -- "$(git rev-parse --show-toplevel)"
		git diff-tree -r -z --name-only --no-renames "$head" "$commit" |
			git reset -q --pathspec-from-file=- --pathspec-file-nul
		stop 87 "more than the change is in the commit: ${altered# }"
	fi
fi

# The lease has the remote be where the commits were counted from. They are on top of that, so nothing is overwritten.
publish() {
	[ "$base" = "$head" ] || git merge-base --is-ancestor "$base" "$commit" || { printf '!\t[rejected]\n' && return 1; }
	git push --porcelain --no-follow-tags --recurse-submodules=no --force-with-lease="refs/heads/$branch:$base" "$remote" \
		"$commit:refs/heads/$branch"
}
if [ -n "$remote" ] && { [ "$commit" != "$head" ] || [ -s "$given/unpushed" ]; }; then
	if ! publish >"$given/push" 2>&1; then
		cat -- "$given/push" >&2
		grep -q '^!.*\[rejected\]' "$given/push" || stop 89 "git push to $remote failed"
		git fetch -q "$remote" "+refs/heads/$branch:$upstream" || true
		git log --format='%h by %an: %s' -n 3 "$commit..$upstream" -- >&2 || true
		stop 88 "$remote has commits on $branch that are not here, or lacks some that it seemed to have"
	fi
fi
printf '%s\n' "$commit"
