// Demo shows the real product on real Postgres, DNS, nginx, certbot, sshd and git, in a simulated
// Slack workspace. In a terminal it serves the workspace as a page for a browser until it is
// interrupted. Without a terminal, or with -play, two operators onboard a Provider by themselves,
// and the exit status is 0 only if the Provider is live at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/sandbox/stage"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

// options are the command line.
type options struct {
	bot, page string
	play      bool
}

func main() {
	var o options
	flag.StringVar(&o.bot, "bot", "onboardbot", "the product's `BINARY`")
	flag.StringVar(&o.page, "page", "127.0.0.1:4080", "the loopback `ADDRESS` of the page")
	flag.BoolVar(&o.play, "play", !terminal(), "let two operators onboard a Provider by themselves, and then exit; "+
		"the default where there is no terminal")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: demo [-bot BINARY] [-page ADDRESS] [-play]\n\n%s\n\n",
			"Shows the product on real parts: in a browser, or with -play in this terminal.")
		flag.PrintDefaults()
	}
	flag.Parse()
	binary, err := filepath.Abs(o.bot)
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err == nil {
		err = loopback(o.page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
	o.bot = binary
	var listen []string
	if !o.play {
		listen = append(listen, o.page)
	}
	os.Exit(namespace.Main(namespace.Func(func() int {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := run(ctx, o); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "\ndemo:", err)
			return 1
		}
		return 0
	}), listen...))
}

// terminal reports whether a person is there: both streams are a terminal.
func terminal() bool {
	for _, stream := range []*os.File{os.Stdin, os.Stdout} {
		if _, err := unix.IoctlGetTermios(int(stream.Fd()), unix.TCGETS); err != nil {
			return false
		}
	}
	return true
}

// loopback refuses an address that other machines reach: whoever opens the page acts as anybody.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("-page: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("-page %s is no loopback address", address)
	}
	return nil
}

// run starts the sandbox and the product, and serves the page or plays.
func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := testbed.Config{}
	config.World.Quick = true
	out := newPrinter(os.Stdout)
	out.note("Starting Postgres, DNS, an ACME server, a VPS with nginx, certbot and sshd, the platform's " +
		"repository, and a Slack workspace.")
	if o.play {
		return play(ctx, dir, o.bot, config, out)
	}
	return serve(ctx, dir, o, config, out)
}

// serve shows the workspace in a browser until the demo is interrupted.
func serve(ctx context.Context, dir string, o options, config testbed.Config, out *printer) error {
	listeners, err := namespace.Listeners()
	if err != nil {
		return err
	}
	began := time.Now()
	s, err := stage.Open(ctx, dir, stage.Config{Command: []string{o.bot}, Listener: listeners[0], Testbed: config})
	if err != nil {
		return err
	}
	defer s.Close()
	out.note(fmt.Sprintf("The sandbox is up after %s. Open the workspace in a browser:",
		time.Since(began).Round(10*time.Millisecond)))
	out.block("http://" + o.page + "/")
	out.note("You are Ana; Bo approves. It keeps running until you press Ctrl-C.")
	<-ctx.Done()
	return s.Stop()
}

// play lets two operators onboard a Provider.
func play(ctx context.Context, dir, binary string, config testbed.Config, out *printer) error {
	began := time.Now()
	bed, err := testbed.Open(ctx, dir, config)
	if err != nil {
		return err
	}
	defer bed.Close()
	bot, err := bed.Start([]string{binary})
	if err != nil {
		return err
	}
	starting := time.Now()
	if err := bed.Connected(ctx, bot, 0); err != nil {
		return err
	}
	out.note(fmt.Sprintf("The sandbox is up after %s, and onboardbot is connected %d ms after its start.",
		starting.Sub(began).Round(10*time.Millisecond), time.Since(starting).Milliseconds()))
	if err := onboard(ctx, bed, out); err != nil {
		if log, readErr := os.ReadFile(bot.Log); readErr == nil {
			fmt.Fprintf(os.Stderr, "\nWhat onboardbot logged:\n%s", log)
		}
		return err
	}
	return bot.Stop()
}
