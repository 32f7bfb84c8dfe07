// Image tests the container image. podman runs it in the sandbox, with its configuration, secrets
// and ssh keys mounted as docs/install.md says, and two operators onboard a Provider with it. Its
// exit status is 0 only if all of that works. It needs root, and podman: a daemon such as Docker's
// would start the container outside of the sandbox's namespace.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

func main() {
	image := flag.String("image", "onboardbot", "the `NAME` of the image")
	flag.Parse()
	os.Exit(namespace.Main(namespace.Func(func() int {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		defer cancel()
		if err := test(ctx, *image); err != nil {
			fmt.Fprintln(os.Stderr, "image:", err)
			return 1
		}
		return 0
	})))
}

// test starts the sandbox, runs check and serve of the image in it, and onboards a Provider.
func test(ctx context.Context, image string) error {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bed, err := testbed.Open(ctx, dir, testbed.Config{})
	if err != nil {
		return err
	}
	defer bed.Close()
	c, err := newContainer(bed, image)
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"-h"}, {"check", "-config", etc + "/config.yaml"}} {
		if err := c.once(ctx, args...); err != nil {
			return err
		}
		passed("onboardbot " + strings.Join(args, " "))
	}
	bot, err := bed.Run(c.serve())
	if err != nil {
		return err
	}
	if err := serves(ctx, bed, c, bot); err != nil {
		bot.Kill()
		c.remove()
		if log, readErr := os.ReadFile(bot.Log); readErr == nil {
			fmt.Fprintf(os.Stderr, "What onboardbot logged:\n%s", log)
		}
		return err
	}
	if err := bot.Stop(); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	passed("stops on SIGTERM")
	return nil
}

// serves checks the running container, and onboards a Provider.
func serves(ctx context.Context, bed *testbed.Testbed, c *container, bot *testbed.Bot) error {
	if err := bed.Connected(ctx, bot, 0); err != nil {
		return err
	}
	passed("connected to Slack")
	id, err := c.inside(ctx, "id", "-u")
	if err != nil {
		return err
	}
	if id != account {
		return fmt.Errorf("it runs as %s, not as %s", id, account)
	}
	passed("runs as " + id)
	if err := c.healthy(ctx); err != nil {
		return err
	}
	passed("healthy")
	root, err := bed.Ask(ctx, testbed.Ana, testbed.Merche)
	if err != nil {
		return err
	}
	if err := bed.Finish(ctx, testbed.Bo, root, func(request string) { passed("approved: " + request) }); err != nil {
		return err
	}
	passed(testbed.Merche.Name + " is live")
	return nil
}

func passed(what string) { fmt.Println("✔", what) }
