// Package hosts runs commands and reads files where the platform lives: the repo host and the
// VPSes, each either this machine or one that the system ssh reaches. It knows no step, no Slack
// and no database; it offers a command, what came of it, and locks that hold across the death of
// this process.
//
// # What is guaranteed
//
// A command is a list of arguments. It becomes text for a shell in one place, where every argument
// is quoted.
//
// A command without a [Command.Lock] ends with its context: locally its process group is killed,
// remotely its session is closed and it meets a broken pipe when it next writes to standard
// output. Use it to look.
//
// A command with a lock changes something, and is either not begun or runs to its end. It begins
// at once or not at all: a host never queues it, so nothing starts later that nobody waits for any
// more. Once begun, only three things end it: itself, its own time limit, which the host enforces,
// and the host going down. Neither kill -9 of this process, nor a dropped connection, nor a
// cancelled context does, because its output goes through relays that outlast their reader. The
// lock is an open flock(2) file on the host that the command and all its children inherit, so it
// is free when the last of them has ended, and not before; a command must not leave a daemon
// behind. Its standard input alone is cut short when this side dies, so a command that reads
// checks that all came. Whoever comes back after a crash calls [Host.WaitIdle] first and looks at
// the world after, or looks with a command that has [Command.Idle].
//
// Two settings outside this package can break the promise, so leave them out: systemd's
// KillMode=control-group for the unit of this program kills local commands with it (use
// KillMode=process), and logind's KillUserProcesses=yes on a host kills what a closed connection
// leaves.
//
// The hosts need a POSIX sh, bash, flock (util-linux), GNU coreutils and tar; [Host.Ping] says
// what is missing.
package hosts
