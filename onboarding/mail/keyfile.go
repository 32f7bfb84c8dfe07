package mail

import (
	"bytes"
	"fmt"
	"strconv"
)

// KeyFile is a private key on the host that signs. The bot never has it: a change says that a key is to be made at a path, the host makes
// it, and looking again reads the public half. An approval of that change stands for whatever key comes of it, since nobody
// can choose it; the record with its public half is approved afterwards.
type KeyFile struct {
	Key
	Path  string
	Owner string // as chown takes it, empty to leave it
}

// generate makes a key in a file of its own and gives it its name by a link, which fails where there is one already: whoever comes
// second, and whoever comes again after a crash, finds the first key and leaves it. Nothing but the owner ever reads the file. What a
// crash left behind goes first, so the command wants a lock of the host.
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

// Generate is the command that makes the key unless it is there. It prints nothing, and running it again changes nothing.
func (f KeyFile) Generate() []string {
	argv := []string{"sh", "-c", generate, "make-dkim-key", f.Path, f.Owner, "-algorithm"}
	if f.Kind == Ed25519 {
		return append(argv, "ED25519")
	}
	return append(argv, "RSA", "-pkeyopt", "rsa_keygen_bits:"+strconv.Itoa(rsaBits))
}

const absent = "no key"

// read prints the public half. A directory that may not be searched is a failure, not a missing key.
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

// Read is the command that prints the key's public half, for [KeyFile.Parse]. It changes nothing.
func (f KeyFile) Read() []string { return []string{"sh", "-c", read, "read-dkim-key", f.Path} }

// Parse reads what the command of [KeyFile.Read] printed: the public half, or that there is no key yet.
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
