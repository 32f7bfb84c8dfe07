// Demo runs a whole onboarding in the terminal: two operators in a simulated Slack workspace, the
// real product, and real Postgres, DNS, nginx, certbot, sshd and git. Its exit status is 0 only if
// the Provider is live at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

func main() {
	bot := flag.String("bot", "onboardbot", "the product's `BINARY`")
	page := flag.String("page", "",
		"an `ADDRESS` such as 127.0.0.1:4080 that shows the workspace as a page; the demo then runs until "+
			"it is interrupted")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: demo [-bot BINARY] [-page ADDRESS]\n\n%s\n\n",
			"Runs a whole onboarding by two operators, on real parts, in this terminal.")
		flag.PrintDefaults()
	}
	flag.Parse()
	binary, err := filepath.Abs(*bot)
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo: the product is not built:", err)
		os.Exit(2)
	}
	var listen []string
	if *page != "" {
		listen = append(listen, *page)
	}
	os.Exit(namespace.Main(namespace.Func(func() int {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := run(ctx, binary, *page); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "\ndemo:", err)
			return 1
		}
		return 0
	}), listen...))
}

// run starts the sandbox and the product, and lets the operators onboard a Provider.
func run(ctx context.Context, binary, page string) error {
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := testbed.Config{}
	config.World.Quick = true
	if page != "" {
		listeners, err := namespace.Listeners()
		if err != nil {
			return err
		}
		config.Control = listeners[0]
	}
	out := newPrinter(os.Stdout)
	out.note("Starting Postgres, DNS, an ACME server, a VPS with nginx, certbot and sshd, the platform's " +
		"repository, and a Slack workspace.")
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
	if page != "" {
		out.note("See the workspace at http://" + page + "/")
	}
	if err := onboard(ctx, bed, out); err != nil {
		if log, readErr := os.ReadFile(bot.Log); readErr == nil {
			fmt.Fprintf(os.Stderr, "\nWhat onboardbot logged:\n%s", log)
		}
		return err
	}
	if page != "" {
		out.note("The sandbox keeps running until you press Ctrl-C.")
		<-ctx.Done()
	}
	return bot.Stop()
}
