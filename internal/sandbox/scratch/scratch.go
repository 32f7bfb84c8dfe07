// Package scratch makes the temporary directories of worlds and servers.
package scratch

import (
	"os"
	"syscall"
)

const (
	// memory is the file system in memory that Linux machines have.
	memory = "/dev/shm"
	// needed is the free space below which directories are on disk.
	needed = 2 << 30
	// noexec is ST_NOEXEC of statvfs(3): a world runs scripts of its own.
	noexec = 0x8
)

// Dir makes a directory, which the caller removes. It is in memory if there is room, where starting
// a world costs half the CPU time. Its path is short enough for PostgreSQL's socket.
func Dir(prefix string) (string, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err != nil || fs.Flags&noexec != 0 ||
		fs.Bavail*uint64(fs.Bsize) < needed {
		return os.MkdirTemp("", prefix)
	}
	return os.MkdirTemp(memory, prefix)
}
