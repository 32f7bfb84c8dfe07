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

// subcommand is one thing that the binary does.
type subcommand struct {
	name, about string
	// example is what somebody would type behind the name.
	example string
	run     func(ctx context.Context, out io.Writer, args []string) int
}

func subcommands() []subcommand {
	const path = "-config /etc/onboardbot/config.yaml"
	return []subcommand{
		{"serve", "run the bot", path, serveCommand},
		{"check", "look at everything that the bot relies on, and say how to mend what is not well", path, checkCommand},
		{"isolation", "prove that no tenant reaches another's rows; exit status 0 sound, 1 leak, 2 could not check", path + " -format json", isolationCommand},
		{"certificates", "see when the certificates of all sites end, and what is wrong; exit status 0 well, 1 urgent, 2 could not look", path + " -format json", certificatesCommand},
		{"config", "print the configuration as the bot understands it, without its secrets, and where each value came from", path, configCommand},
		{"manifest", "print the manifest of the Slack app, to paste at https://api.slack.com/apps", `-name "Onboarding (staging)"`, manifestCommand},
		{"ready", "ask the bot that runs with this configuration whether it is ready, for health checks", path, readyCommand},
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
	fmt.Fprintln(out, "\nusage: onboardbot COMMAND [flags]")
	fmt.Fprintln(out)
	for _, command := range subcommands() {
		fmt.Fprintf(out, "  %-14s %s\n", command.name, command.about)
	}
	fmt.Fprintln(out, "\nonboardbot COMMAND -h says more of each. config.example.yaml explains the configuration.")
	fmt.Fprintln(out, "Exit status: 0 all is well, 1 something failed, 2 the command line or the configuration is wrong.")
}

// explain is what a subcommand answers to -h.
func explain(out io.Writer, flags *flag.FlagSet) {
	for _, command := range subcommands() {
		if command.name != flags.Name() {
			continue
		}
		fmt.Fprintf(out, "onboardbot %s: %s\n\nusage: onboardbot %s [flags]\n\n", command.name, command.about, command.name)
		flags.SetOutput(out)
		flags.PrintDefaults()
		fmt.Fprintf(out, "\nexample: onboardbot %s %s\n", command.name, command.example)
	}
}

// parseFlags reads a subcommand's flags. What it returns besides is the exit status, if the command is over.
func parseFlags(flags *flag.FlagSet, args []string) (code int, ok bool) {
	flags.SetOutput(io.Discard) // what is wrong is said below, once and without the whole help
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		explain(os.Stdout, flags)
		return exitOK, false
	case err != nil:
		fmt.Fprintf(os.Stderr, "onboardbot %[1]s: %[2]v; onboardbot %[1]s -h says what there is\n", flags.Name(), err)
		return exitUsage, false
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "onboardbot %s: %q is one argument too many\n", flags.Name(), flags.Arg(0))
		return exitUsage, false
	}
	return exitOK, true
}

// configFlag is the flag that most subcommands share.
func configFlag(flags *flag.FlagSet) *string {
	return flags.String("config", "config.yaml", "the configuration `FILE`")
}

// parse reads a subcommand's flags, -config among them, and the configuration with the sections that the command needs. What
// it returns besides is the exit status, if the command is over.
func parse(flags *flag.FlagSet, args []string, sections ...config.Section) (*config.Config, int, bool) {
	path := configFlag(flags)
	if code, ok := parseFlags(flags, args); !ok {
		return nil, code, false
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
