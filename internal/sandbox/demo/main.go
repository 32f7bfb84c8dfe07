// Demo plays a whole onboarding in the terminal: two operators in a simulated Slack workspace, the
// real product, and real Postgres, DNS, nginx, certbot, sshd and git around it. It ends with exit
// status 0 only if everything holds.
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
	"github.com/atlilith/onboardbot/internal/sandbox/stage"
)

func main() {
	bot := flag.String("bot", "onboardbot", "the product's `BINARY`")
	page := flag.String("page", "",
		"an `ADDRESS` such as 127.0.0.1:4080 at which the workspace is shown as a page; the demo then stays until "+
			"it is interrupted")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: demo [-bot BINARY] [-page ADDRESS]\n\n%s\n\n",
			"Plays a whole onboarding by two operators, on real parts, in this terminal.")
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
		if err := play(ctx, binary, *page); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "\ndemo:", err)
			return 1
		}
		return 0
	}), listen...))
}

// play sets the stage, starts the product and lets the operators act.
func play(ctx context.Context, binary, page string) error {
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := stage.Config{}
	config.World.Quick = true
	if page != "" {
		listeners, err := namespace.Listeners()
		if err != nil {
			return err
		}
		config.Control = listeners[0]
	}
	told := newTeller(os.Stdout)
	told.aside("Starting Postgres, DNS, an ACME server, a VPS with nginx, certbot and sshd, the platform's " +
		"repository, and a Slack workspace.")
	began := time.Now()
	set, err := stage.Open(ctx, dir, config)
	if err != nil {
		return err
	}
	defer set.Close()
	bot, err := set.Start([]string{binary})
	if err != nil {
		return err
	}
	starting := time.Now()
	if err := set.Connected(ctx, bot, 0); err != nil {
		return err
	}
	told.aside(fmt.Sprintf("The world is up after %s, and onboardbot is connected %d ms after its start.",
		starting.Sub(began).Round(10*time.Millisecond), time.Since(starting).Milliseconds()))
	if page != "" {
		told.aside("See the workspace at http://" + page + "/")
	}
	if err := perform(ctx, set, told); err != nil {
		if log, readErr := os.ReadFile(bot.Log); readErr == nil {
			fmt.Fprintf(os.Stderr, "\nWhat onboardbot logged:\n%s", log)
		}
		return err
	}
	if page != "" {
		told.aside("The world stays as it is until you press Ctrl-C.")
		<-ctx.Done()
	}
	return bot.Stop()
}
