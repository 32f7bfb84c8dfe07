package mail

import (
	"bytes"
	"fmt"
	"strconv"
)

// KeyFile is a private key on the host that signs. The bot never has it: a change says that a key
// is to be generated at a path, the host generates it, and the next observation reads the public
// half. An approval of that change covers whatever key is generated, since nobody can choose it.
// The record with its public half is approved afterwards.
type KeyFile struct {
	Key
	Path  string
	Owner string // as chown takes it, empty to leave it unchanged
}

// generate writes a key to a new file and links it to its path. The link fails if the path exists,
// so a second call, also one after a crash, leaves the first key as it is. Only the owner can ever
// read the file. The script removes what a crash left behind, so it must run under a lock of the
// host.
const generate = `set -eu
umask 077
path=$1 owner=$2 dir=${1%/*}
shift 2
rm -f -- "$path".new.??????
[ ! -e "$path" ] || exit 0
(umask 066 && mkdir -p -- "$dir")
new=$(mktemp "$path.new.XXXXXX")
trap 'rm -f -- "$new"' EXIT
said=$(openssl genpkey -out "$new" "$@" 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
if [ -n "$owner" ]; then chown -- "$owner" "$new"; fi
sync -- "$new"
ln -- "$new" "$path" 2>/dev/null || [ -e "$path" ]
sync -- "$dir"
`

// Generate returns the command that generates the key unless it exists. It prints nothing, and
// running it again changes nothing.
func (f KeyFile) Generate() []string {
	argv := []string{"sh", "-c", generate, "make-dkim-key", f.Path, f.Owner, "-algorithm"}
	if f.Kind == Ed25519 {
		return append(argv, "ED25519")
	}
	return append(argv, "RSA", "-pkeyopt", "rsa_keygen_bits:"+strconv.Itoa(rsaBits))
}

// absent is what the read script prints if there is no key.
const absent = "no key"

// read prints the public half. A directory that may not be searched is a failure, not a missing
// key.
const read = `set -eu
if ! found=$(LC_ALL=C stat -L -- "$1" 2>&1 >/dev/null); then
	case $found in
	*": No such file or directory") echo "` + absent + `"; exit 0 ;;
	esac
	printf '%s\n' "$found" >&2
	exit 1
fi
exec openssl pkey -in "$1" -passin pass: -pubout
`

// Read returns the command that prints the key's public half, for [KeyFile.Parse]. It changes
// nothing.
func (f KeyFile) Read() []string { return []string{"sh", "-c", read, "read-dkim-key", f.Path} }

// Parse parses what the command of [KeyFile.Read] printed. exists is false if there is no key yet.
func (f KeyFile) Parse(output []byte) (key PublicKey, exists bool, err error) {
	if string(bytes.TrimSpace(output)) == absent {
		return PublicKey{}, false, nil
	}
	key, err = publicKey(f.Key, output)
	if err != nil {
		return PublicKey{}, true, fmt.Errorf("%s: %w", f.Path, err)
	}
	return key, true, nil
}
