# Says what a command runs and deploys, and runs it only if that is still so: EXPECTED FOLDER COMMAND... Without EXPECTED it
# prints, a line each, git's name of the folder at HEAD and of the files that the command names, then what of the folder git
# ignores, a dash for nothing, then the path. Exit status 95: not everything is committed. 97: it is not what was expected.
sources() {
	export LC_ALL=C GIT_LITERAL_PATHSPECS=1 GIT_OPTIONAL_LOCKS=0
	# Replace refs and grafts make git show other objects than those that it names.
	export GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=/dev/null/none
	local folder=$1 object path entry prefix names=() found objects=() files=() paths=() lines=() ignored=() index
	shift
	[ -z "$folder" ] || names=("HEAD:./$folder") paths=("$folder")
	for path in "$@"; do
		case $path in -* | *$'\n'*) continue ;; esac
		[ -f "$path" ] || continue
		files+=("$path")
		[[ $path == /* ]] || names+=("HEAD:./$path")
	done
	if ((${#names[@]} > 0)); then # the name of its object for each, or a sentence that there is none
		found=$(printf '%s\n' "${names[@]}" | git cat-file --batch-check='%(objectname)') || return 1
		mapfile -t objects <<<"$found"
	fi
	if [ -n "$folder" ]; then
		object=${objects[0]} objects=("${objects[@]:1}")
		[[ $object != *' '* ]] || { printf '%s is not committed\n' "$folder" >&2; return 95; }
	fi
	for path in "${files[@]}"; do
		entry=
		[[ $path == /* ]] || entry=${objects[0]} objects=("${objects[@]:1}")
		if [ -n "$entry" ] && [[ $entry != *' '* ]]; then
			paths+=("$path")
		else
			entry=$(git hash-object --no-filters -- "$path") || return 1
		fi
		lines+=("$entry - $path")
	done
	if ((${#paths[@]} == 0)); then
		((${#lines[@]} == 0)) || printf '%s\n' "${lines[@]}"
		return 0
	fi
	index=$(mktemp -d) || return 1
	# An index of its own, so that no mark in the usual one, such as assume-unchanged, hides a change.
	git ls-tree -r -z --full-name HEAD -- "${paths[@]}" | GIT_INDEX_FILE=$index/index git update-index -z --index-info &&
		GIT_INDEX_FILE=$index/index git status --porcelain -z --no-renames --untracked-files=all --ignored \
			--ignore-submodules=none -- "${paths[@]}" >"$index/status" || { rm -rf -- "$index"; return 1; }
	while IFS= read -r -d '' entry; do
		[ -n "${prefix+set}" ] || prefix=$(git rev-parse --show-prefix)
		path=${entry:3}
		path=${path#"$prefix"}
		if [[ $entry != '!! '* ]]; then
			rm -rf -- "$index"
			printf '%s is not as it is committed\n' "$path" >&2
			return 95
		fi
		[ ! -f "$path" ] || ignored+=("$path")
	done <"$index/status"
	rm -rf -- "$index"
	entry=-
	if ((${#ignored[@]} > 0)); then
		entry=$(printf '%s\0' "${ignored[@]}" | xargs -0 sha256sum -- | sha256sum) || return 1
	fi
	[ -z "$folder" ] || lines=("$object ${entry%% *} $folder" "${lines[@]}")
	printf '%s\n' "${lines[@]}"
}
expected=$1 folder=$2
shift 2
now=$(sources "$folder" "$@" </dev/null)
status=$?
if [ -z "$expected" ]; then
	[ -z "$now" ] || printf '%s\n' "$now"
	exit "$status"
fi
[ "$status" -eq 0 ] || exit 97
if [ "$now" != "$expected" ]; then
	echo 'What would be deployed is not what was approved:' >&2
	printf '%s\n' "$now" >&2
	exit 97
fi
"$@"
status=$?
[ "$status" -ne 97 ] || status=96
exit "$status"
