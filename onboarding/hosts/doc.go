// Package hosts runs commands on the hosts of the platform: the one with the repository and the
// VPSes, each either this machine or one that the system ssh reaches. It offers commands, their
// results, and locks that outlast this process. It knows no steps, no Slack and no database.
//
// # Guarantees
//
// A command is a list of arguments. It becomes text for a shell in one place, where every argument
// is quoted.
//
// A command without a [Command.Lock] ends with its context: locally its process group is killed,
// remotely its session is closed and its next write to standard output fails with a broken pipe.
// Use it to observe.
//
// A command with a lock changes something, and is either not begun or runs to its end. It begins
// at once or not at all: a host never queues it, so nothing starts after its caller has given up.
// Once begun, only three things end it: itself, its own time limit, which the host enforces, and
// the host going down. Neither kill -9 of this process, nor a dropped connection, nor a cancelled
// context does, because its output goes through processes on the host that outlast the connection.
// The lock is an open flock(2) file on the host that the command and all its children inherit, so
// it is free when the last of them has ended, and not before; a command must not leave a daemon
// behind. Its standard input is on the host as a whole before it takes the lock and begins. After
// a crash, call [Host.Settle] before observing what the command did.
//
// Two settings outside this package break these guarantees, so do not use them: systemd's
// KillMode=control-group for the unit of this program kills local commands with it (use
// KillMode=process), and logind's KillUserProcesses=yes on a host kills what a closed connection
// leaves.
//
// The hosts need a POSIX sh, bash, flock (util-linux), GNU coreutils and tar; [Host.Ping] says
// what is missing.
package hosts
