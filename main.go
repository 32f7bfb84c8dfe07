// Onboardbot takes a new Provider aboard: two people in Slack, one who asks and one who approves, and the bot that does it.
//
// This file knows the subcommands, the others put the parts of each together. What they do lives in the rooms below.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/atlilith/onboardbot/internal/config"
)

// Exit statuses that every subcommand shares.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// subcommand is one thing that the binary does. Its flags are registered before run is called with what they leave.
type subcommand struct {
	name, about string
	run         func(ctx context.Context, out io.Writer, args []string) int
}

func subcommands() []subcommand {
	return []subcommand{
		{"serve", "run the bot", serveCommand},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := dispatch(ctx, os.Stdout, os.Args[1:])
	stop()
	os.Exit(code)
}

func dispatch(ctx context.Context, out io.Writer, args []string) int {
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		usage(out)
		if len(args) == 0 {
			return exitUsage
		}
		return exitOK
	}
	for _, command := range subcommands() {
		if command.name == args[0] {
			return command.run(ctx, out, args[1:])
		}
	}
	fmt.Fprintf(os.Stderr, "onboardbot: there is no %q\n\n", args[0])
	usage(os.Stderr)
	return exitUsage
}

func usage(out io.Writer) {
	fmt.Fprintln(out, "onboardbot takes new Providers aboard from Slack, each step approved by a second operator.")
	fmt.Fprintln(out, "\nusage: onboardbot COMMAND [-h] [flags]")
	fmt.Fprintln(out)
	for _, command := range subcommands() {
		fmt.Fprintf(out, "  %-14s %s\n", command.name, command.about)
	}
}

// parse reads a subcommand's flags, -config among them, and the configuration with the sections that the command needs. What
// it returns besides is the exit status, if the command is over.
func parse(flags *flag.FlagSet, args []string, sections ...config.Section) (*config.Config, int, bool) {
	path := flags.String("config", "config.yaml", "the configuration `FILE`")
	flags.SetOutput(os.Stderr)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, exitOK, false
	case err != nil:
		return nil, exitUsage, false
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "onboardbot %s: %q is one argument too many\n", flags.Name(), flags.Arg(0))
		return nil, exitUsage, false
	}
	loaded, err := config.Load(*path, sections...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return nil, exitUsage, false
	}
	return loaded, exitOK, true
}

// logger writes what the configuration asks for to standard error.
func logger(settings config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.Level}
	if settings.Format == "text" {
		return slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, options))
}
