package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/atlilith/onboardbot/internal/app"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/audit"
)

// auditCommand is the command line of audit verify and audit export.
type auditCommand struct {
	verb, run, file string
	heads           []audit.Head
	settings        *config.Config // nil where a file is verified
}

// runAudit verifies the audit chain or an export of it, or exports a run. Its exit status is 0
// when all is well, 1 when something was tampered with, and 2 when it could not find out.
func runAudit(ctx context.Context, out io.Writer, args []string) int {
	command, code, ok := parseAudit(args)
	if !ok {
		return code
	}
	code, err := command.execute(ctx, out)
	if err != nil {
		fmt.Fprintf(os.Stderr, "onboardbot audit %s: %v\n", command.verb, err)
		return Usage
	}
	return code
}

// parseAudit reads a verb, perhaps a run, and flags. When ok is false the command is over, and
// code is its exit status.
func parseAudit(args []string) (command auditCommand, code int, ok bool) {
	command.verb, args = nextWord(args)
	if command.verb == "export" {
		command.run, args = nextWord(args)
	}
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	path := configFlag(flags)
	flags.StringVar(&command.file, "file", "", "the exported `FILE` to verify instead of the database")
	flags.Func("head", "a `HEAD` that the chain must have, from a thread or the log; may be given several times",
		func(text string) error {
			head, err := audit.ParseHead(text)
			command.heads = append(command.heads, head)
			return err
		})
	if code, ok := parseFlags(flags, args); !ok {
		return command, code, false
	}
	if command.verb != "verify" && (command.verb != "export" || command.run == "" || command.file != "") {
		fmt.Fprintln(os.Stderr, "onboardbot audit: say verify, or export with the id or the slug of a run; "+
			"onboardbot audit -h lists the flags")
		return command, Usage, false
	}
	if command.file == "" {
		settings, err := config.Load(*path, config.Own)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return command, Usage, false
		}
		command.settings = settings
	}
	return command, OK, true
}

func (c auditCommand) execute(ctx context.Context, out io.Writer) (code int, err error) {
	if c.verb == "export" {
		file, err := app.ExportAudit(ctx, c.settings, c.run)
		if err != nil {
			return Usage, err
		}
		return OK, file.Write(out)
	}
	report, err := c.verify(ctx)
	if err != nil {
		return Usage, err
	}
	for _, problem := range report.Problems {
		fmt.Fprintln(out, problem)
	}
	if len(report.Problems) > 0 {
		fmt.Fprintf(out, "\n%d problems. docs/audit.md says what they mean.\n", len(report.Problems))
		return Failed, nil
	}
	_, err = fmt.Fprintf(out, "%d entries of %d runs are sound. The head is %s\n", report.Entries, report.Runs,
		report.Head)
	return OK, err
}

func (c auditCommand) verify(ctx context.Context) (audit.Report, error) {
	if c.file == "" {
		return app.VerifyAudit(ctx, c.settings, c.heads)
	}
	in, err := os.Open(c.file)
	if err != nil {
		return audit.Report{}, err
	}
	defer in.Close()
	file, err := audit.ReadFile(in)
	if err != nil {
		return audit.Report{}, err
	}
	return file.Verify(c.heads...)
}
