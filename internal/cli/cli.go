// Package cli is the command line: its subcommands, their flags and their exit statuses. What they
// do belongs to the packages below.
package cli

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
	"strings"
	"syscall"

	"github.com/atlilith/onboardbot/internal/config"
)

// Exit statuses that all subcommands share. Those of isolation, certificates and audit mean more,
// as their help says.
const (
	OK     = 0
	Failed = 1
	Usage  = 2
)

// subcommand is one thing that the binary does.
type subcommand struct {
	name, about string
	// example is what somebody would type after the name.
	example string
	run     func(ctx context.Context, out io.Writer, args []string) int
}

func subcommands() []subcommand {
	const path = "-config /etc/onboardbot/config.yaml"
	return []subcommand{
		{"serve", "run the bot", path, serve},
		{"check", "check everything that the bot relies on, and say how to fix what is wrong", path, check},
		{"isolation", "prove that no tenant reaches another's rows; exit status 0 sound, 1 leak, 2 could not check",
			path + " -format json", checkIsolation},
		{"certificates",
			"show when each site's certificate expires, and what is wrong; exit status 0 well, 1 urgent, 2 could " +
				"not look",
			path + " -format json", inspectCertificates},
		{"audit",
			"verify the audit chain, or export RUN; exit status 0 sound, 1 tampered with, 2 could not verify",
			"verify " + path + " -head 1234-9f2c4a1b7d03aabb", runAudit},
		{"totp", "enroll, unlock or remove the authenticator app that confirms an operator's approvals",
			"enroll " + path + " -operator U0BO", runTOTP},
		{"config",
			"print the configuration as the bot reads it, without secrets, and where each value came from", path,
			printConfig},
		{"manifest", "print the manifest of the Slack app, to paste at https://api.slack.com/apps",
			`-name "Onboarding (staging)"`, printManifest},
		{"ready",
			"ask the bot that runs with this configuration whether it is ready; for health checks", path, askReady},
	}
}

// Main runs one subcommand until it ends or the process is told to stop, and returns the exit
// status of the process.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, os.Stdout, args)
}

// Run runs one subcommand and returns the exit status of the process.
func Run(ctx context.Context, out io.Writer, args []string) int {
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		usage(out)
		if len(args) == 0 {
			return Usage
		}
		return OK
	}
	for _, command := range subcommands() {
		if command.name == args[0] {
			return command.run(ctx, out, args[1:])
		}
	}
	fmt.Fprintf(os.Stderr, "onboardbot: there is no command %q\n\n", args[0])
	usage(os.Stderr)
	return Usage
}

func usage(out io.Writer) {
	fmt.Fprintln(out, "onboardbot onboards Providers from Slack. A second operator approves each step.")
	fmt.Fprintln(out, "\nusage: onboardbot COMMAND [flags]")
	fmt.Fprintln(out)
	for _, command := range subcommands() {
		fmt.Fprintf(out, "  %-14s %s\n", command.name, command.about)
	}
	fmt.Fprintln(out, "\nonboardbot COMMAND -h explains a command. config.example.yaml explains the configuration.")
	fmt.Fprintln(out,
		"Exit status: 0 all is well, 1 something failed, 2 the command line or the configuration is wrong.")
}

// explain prints the help of a subcommand.
func explain(out io.Writer, flags *flag.FlagSet) {
	for _, command := range subcommands() {
		if command.name != flags.Name() {
			continue
		}
		fmt.Fprintf(out, "onboardbot %s: %s\n\nusage: onboardbot %s [flags]\n\n", command.name,
			command.about, command.name)
		flags.SetOutput(out)
		flags.PrintDefaults()
		fmt.Fprintf(out, "\nexample: onboardbot %s %s\n", command.name, command.example)
	}
}

// nextWord takes the first argument off unless it is a flag, such as the verb of audit and totp.
// The word is empty if there is none.
func nextWord(args []string) (word string, rest []string) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return "", args
	}
	return args[0], args[1:]
}

// parseFlags reads the flags of a subcommand. When ok is false the command is over, and code is
// its exit status.
func parseFlags(flags *flag.FlagSet, args []string) (code int, ok bool) {
	flags.SetOutput(io.Discard) // the message below replaces the whole help that package flag prints
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		explain(os.Stdout, flags)
		return OK, false
	case err != nil:
		fmt.Fprintf(os.Stderr, "onboardbot %[1]s: %[2]v; onboardbot %[1]s -h lists the flags\n", flags.Name(), err)
		return Usage, false
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "onboardbot %s: unexpected argument %q\n", flags.Name(), flags.Arg(0))
		return Usage, false
	}
	return OK, true
}

// configFlag is the flag that most subcommands share.
func configFlag(flags *flag.FlagSet) *string {
	return flags.String("config", "config.yaml", "the configuration `FILE`")
}

// parse reads the flags of a subcommand, -config among them, and loads the sections of the
// configuration that the command needs. When ok is false the command is over, and code is its exit
// status.
func parse(flags *flag.FlagSet, args []string,
	sections ...config.Section) (settings *config.Config, code int, ok bool) {
	path := configFlag(flags)
	if code, ok := parseFlags(flags, args); !ok {
		return nil, code, false
	}
	settings, err := config.Load(*path, sections...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return nil, Usage, false
	}
	return settings, OK, true
}

// logger writes to standard error in the format and at the level that the configuration asks for.
func logger(settings config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.Level}
	if settings.Format == "text" {
		return slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, options))
}
