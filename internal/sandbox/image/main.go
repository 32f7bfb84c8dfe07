// Image proves that the container image serves: podman runs it in a world of the sandbox, with its
// configuration, secrets and ssh keys mounted as docs/install.md says, and two operators take a
// Provider live with it. It ends with exit status 0 only if everything holds. It needs root, and
// podman: a daemon such as Docker's starts containers outside of the world.
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
	"github.com/atlilith/onboardbot/internal/sandbox/stage"
)

func main() {
	image := flag.String("image", "onboardbot", "the `NAME` of the image")
	flag.Parse()
	os.Exit(namespace.Main(namespace.Func(func() int {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		defer cancel()
		if err := prove(ctx, *image); err != nil {
			fmt.Fprintln(os.Stderr, "image:", err)
			return 1
		}
		return 0
	})))
}

// prove builds a world, lets the image check it and serve in it, and plays a run.
func prove(ctx context.Context, image string) error {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	set, err := stage.Open(ctx, dir, stage.Config{})
	if err != nil {
		return err
	}
	defer set.Close()
	c, err := newContainer(set, image)
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"-h"}, {"check", "-config", etc + "/config.yaml"}} {
		if err := c.once(ctx, args...); err != nil {
			return err
		}
		good("onboardbot " + strings.Join(args, " "))
	}
	bot, err := set.Run(c.serve())
	if err != nil {
		return err
	}
	if err := serves(ctx, set, c, bot); err != nil {
		bot.Kill()
		c.remove()
		if log, readErr := os.ReadFile(bot.Log); readErr == nil {
			fmt.Fprintf(os.Stderr, "What onboardbot logged:\n%s", log)
		}
		return err
	}
	if err := bot.Stop(); err != nil {
		return fmt.Errorf("it was told to stop: %w", err)
	}
	good("stops when it is told to")
	return nil
}

// serves looks at the container while it serves, and takes a Provider live.
func serves(ctx context.Context, set *stage.Stage, c *container, bot *stage.Bot) error {
	if err := set.Connected(ctx, bot, 0); err != nil {
		return err
	}
	good("connected to Slack")
	id, err := c.inside(ctx, "id", "-u")
	if err != nil {
		return err
	}
	if id != account {
		return fmt.Errorf("it runs as %s, not as %s", id, account)
	}
	good("runs as " + id)
	if err := c.healthy(ctx); err != nil {
		return err
	}
	good("healthy")
	root, err := set.Ask(ctx, stage.Ana, stage.Merche)
	if err != nil {
		return err
	}
	if err := set.Finish(ctx, stage.Bo, root, func(question string) { good("approved: " + question) }); err != nil {
		return err
	}
	good(stage.Merche.Name + " is live")
	return nil
}

func good(what string) { fmt.Println("✔", what) }
