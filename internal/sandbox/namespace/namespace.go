// Package namespace runs a program again inside a private set of Linux namespaces, in which the
// ports 22, 53, 80 and 443 are its own, nothing reaches the network outside, and every process it
// leaves behind dies with it, also after kill -9.
//
// The sandbox's packages start the daemons inside.
package namespace

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
)

// Resolver is the only name server in the namespace's /etc/resolv.conf. The sandbox serves DNS
// there.
const Resolver = "192.0.2.53"

// A namespace is entered in two steps, told apart by this variable: the first process inside
// becomes init, which brings up the loopback and reaps orphans; its child is the program itself.
const stageVariable = "ONBOARDBOT_NAMESPACE"

const (
	stageInit   = "init"
	stageInside = "inside"
)

// listenersVariable tells the program inside how many listeners it inherited, from file descriptor
// 3 on.
const listenersVariable = "ONBOARDBOT_NAMESPACE_LISTENERS"

// Program is what runs inside. *testing.M is one.
type Program interface{ Run() int }

// Func is a function as a [Program].
type Func func() int

// Run calls the function.
func (f Func) Run() int { return f() }

// Main runs the program inside a fresh namespace. Inside, it returns the program's exit status;
// outside, it ends this process with that status. It executes this binary again, so it must be the
// first thing that main or TestMain calls: what comes before it runs three times.
//
// listen names TCP addresses of the machine outside to open before entering; inside, [Listeners]
// returns them in this order.
func Main(program Program, listen ...string) int {
	switch stage := os.Getenv(stageVariable); stage {
	case stageInside:
		// A program that is started from here may enter a namespace of its own.
		os.Unsetenv(stageVariable)
		return program.Run()
	case stageInit:
		leave(runInit())
	default:
		leave(enter(listen))
	}
	return 0
}

// leave ends this process without the runtime's exit hooks: it ran no code of the program, so
// coverage has nothing to write and the race detector nothing to wait a second for.
func leave(code int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "namespace:", err)
		code = 1
	}
	syscall.Exit(code)
}

// Listeners returns the listeners that [Main] opened outside. Call it once: it takes over the
// descriptors.
func Listeners() ([]net.Listener, error) {
	var listeners []net.Listener
	for _, file := range inherited() {
		listener, err := net.FileListener(file)
		if err != nil {
			return nil, fmt.Errorf("inherited listener: %w", err)
		}
		if err := file.Close(); err != nil {
			return nil, fmt.Errorf("inherited listener: %w", err)
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

func inherited() []*os.File {
	count, err := strconv.Atoi(os.Getenv(listenersVariable))
	if err != nil {
		return nil
	}
	var files []*os.File
	for i := range count {
		files = append(files, os.NewFile(uintptr(3+i), "listener"))
	}
	return files
}

// enter starts init in fresh namespaces and waits for it.
func enter(listen []string) (int, error) {
	var files []*os.File
	for _, address := range listen {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return 0, err
		}
		defer listener.Close()
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			return 0, err
		}
		defer file.Close()
		files = append(files, file)
	}
	// Pdeathsig fires when the thread that started the child ends, so this goroutine keeps its
	// thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded...)
	defer signal.Stop(signals)

	cmd, err := again(stageInit, files)
	if err != nil {
		return 0, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return 0, refused(err)
	}
	go func() {
		for s := range signals {
			// An error means that init has ended, and then Wait returns.
			_ = cmd.Process.Signal(s)
		}
	}()
	err = cmd.Wait()
	signal.Stop(signals)
	close(signals)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exitStatus(exit.Sys().(syscall.WaitStatus)), nil
	}
	return 0, err
}

// forwarded are the signals that reach the program inside.
var forwarded = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// again is this program once more, with the same arguments, streams and listeners, at another
// stage.
func again(stage string, files []*os.File) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Args = os.Args
	cmd.Env = append(os.Environ(), stageVariable+"="+stage, listenersVariable+"="+strconv.Itoa(len(files)))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = files
	return cmd, nil
}

// refused explains why a machine does not allow namespaces.
func refused(err error) error {
	if os.Getuid() == 0 {
		return fmt.Errorf("this machine gives root no mount, network and process namespaces (a container needs "+
			"CAP_SYS_ADMIN): %w", err)
	}
	return fmt.Errorf("this machine gives an ordinary user no namespaces: run as root, or allow them with sysctl "+
		"kernel.unprivileged_userns_clone=1 (Debian) or kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu): %w",
		err)
}

// exitStatus returns a wait status as a shell reports it.
func exitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
