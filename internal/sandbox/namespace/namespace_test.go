package namespace_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

// role makes the test binary play the program of a test.
const role = "NAMESPACE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "exit":
		os.Exit(namespace.Main(namespace.Func(func() int { return 7 })))
	case "sleep":
		os.Exit(namespace.Main(namespace.Func(sleepForever)))
	case "serve":
		os.Exit(namespace.Main(namespace.Func(serveOnce), os.Getenv("NAMESPACE_TEST_ADDRESS")))
	default:
		os.Exit(namespace.Main(m))
	}
}

// sleepForever leaves a grandchild behind that would outlive an ordinary parent, and waits.
func sleepForever() int {
	cmd := exec.Command("setsid", "sleep", "600")
	if err := cmd.Start(); err != nil {
		return 1
	}
	if _, err := os.Stdout.WriteString("up\n"); err != nil {
		return 1
	}
	time.Sleep(10 * time.Minute)
	return 0
}

func serveOnce() int {
	listeners, err := namespace.Listeners()
	if err != nil || len(listeners) != 1 {
		return 1
	}
	conn, err := listeners[0].Accept()
	if err != nil {
		return 1
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "from inside\n"); err != nil {
		return 1
	}
	return 0
}

func again(t *testing.T, as string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(append(os.Environ(), role+"="+as), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestPrivilegedPortsAreOurs(t *testing.T) {
	for _, port := range []string{"22", "53", "80", "443"} {
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
}

func TestNothingGetsOut(t *testing.T) {
	if conn, err := net.DialTimeout("tcp", "198.51.100.1:80", time.Second); err == nil {
		conn.Close()
		t.Fatal("a connection left the namespace")
	}
}

func TestExitStatusIsTheProgramsOwn(t *testing.T) {
	t.Parallel()
	err := again(t, "exit").Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 {
		t.Fatalf("got %v, want exit status 7", err)
	}
}

func TestSignalsReachTheProgram(t *testing.T) {
	t.Parallel()
	cmd, _ := sleeping(t)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 128+int(syscall.SIGTERM) {
		t.Fatalf("got %v, want exit status %d", err, 128+int(syscall.SIGTERM))
	}
}

func TestEverythingDiesWithKill(t *testing.T) {
	t.Parallel()
	cmd, out := sleeping(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The grandchild holds the other end of the pipe: it closes when the last process inside is
	// gone.
	if rest, err := io.ReadAll(out); err != nil || len(rest) != 0 {
		t.Fatalf("got %q, %v", rest, err)
	}
	_ = cmd.Wait()
}

// sleeping starts a namespace that holds a process which has left its session.
func sleeping(t *testing.T) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := again(t, "sleep")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	if line, err := out.ReadString('\n'); err != nil || line != "up\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	return cmd, out
}

func TestListenerServesTheOutside(t *testing.T) {
	t.Parallel()
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := probe.Addr().String()
	probe.Close()
	cmd := again(t, "serve", "NAMESPACE_TEST_ADDRESS="+address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	var conn net.Conn
	for {
		if conn, err = net.Dial("tcp", address); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "from inside\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestOrphansAreReaped(t *testing.T) {
	out, err := exec.Command("sh", "-c", "(setsid sh -c 'exec true' & echo $!)").Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
		time.Sleep(time.Millisecond)
	}
}
