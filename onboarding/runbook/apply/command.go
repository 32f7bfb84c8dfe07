package apply

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// certbot is the program whose log explains its failures better than what it prints.
const certbot = "certbot"

// logTail is how many lines of certbot's log are read.
const logTail = 60

// commandApplier runs commands on hosts.
type commandApplier struct {
	hosts      map[string]*hosts.Host
	certbotLog string
}

func (a commandApplier) apply(ctx context.Context, task Task) error {
	command := task.Item.Command
	host := a.hosts[command.Host]
	if host == nil {
		return fmt.Errorf("%s is not a configured host", command.Host)
	}
	run := hosts.Command{Argv: command.Argv, Dir: command.Dir, Lock: command.Lock, Timeout: task.Timeout}
	if run.Lock != "" {
		run.Fence, run.Waiting = fence(task.Authorization), waits(once(task.Log.Line))
	}
	if command.Stdin != "" {
		run.Stdin = []byte(command.Stdin)
	}
	task.Log.Line("$ " + host.Paste(run))
	if len(command.Sources) > 0 {
		run = repo.Bind(run, sources(command.Sources))
	}
	_, err := host.Run(ctx, run, func(line hosts.Line) { task.Log.Line(line.Text) })
	if len(command.Sources) > 0 {
		err = repo.BindError(err)
	}
	if err != nil && slices.Contains(command.Argv, certbot) {
		return a.explain(ctx, host, err, task.Log)
	}
	return err
}

func sources(bound []onboarding.Source) []repo.Source {
	list := make([]repo.Source, len(bound))
	for i, source := range bound {
		list[i] = repo.Source(source)
	}
	return list
}

// explain makes the reason lead a failure that certbot's own log on the host names: what certbot
// prints last is where to ask for help, and version 2.1 can hide the authority's answer behind an
// error of its own (AttributeError: can't set attribute).
func (a commandApplier) explain(ctx context.Context, host *hosts.Host, failure error, log onboarding.Log) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	command := hosts.Command{Argv: []string{"tail", "-n", strconv.Itoa(logTail), "--", a.certbotLog}}
	log.Line("$ " + host.Paste(command))
	result, err := host.Run(ctx, command, func(line hosts.Line) { log.Line(line.Text) })
	if err != nil {
		log.Line(err.Error())
		return failure
	}
	return certbotFailure(failure, result.Last(logTail, hosts.Stdout))
}

// certbotError is a failure of certbot with its reason first.
type certbotError struct {
	reason string
	error
}

func (e certbotError) Error() string { return e.reason + " (" + e.error.Error() + ")" }
func (e certbotError) Unwrap() error { return e.error }

// pythonError is the last line of a traceback, such as OSError: [Errno 28] No space left on
// device.
var pythonError = regexp.MustCompile(`^(?:\w+\.)*\w*(?:Error|Exception|Exit): (.+)$`)

// certbotFailure finds the reason in certbot's log: the last answer of the authority, a problem
// document (RFC 8555 §6.7) that certbot prints as "Detail: …" or with the error's URN, and else
// the last error of the operating system or of certbot.
func certbotFailure(failure error, log []string) error {
	authority, system := "", ""
	for _, line := range log {
		text := strings.TrimSpace(line)
		if detail, found := strings.CutPrefix(text, "Detail:"); found {
			authority = strings.TrimSpace(detail)
		} else if strings.Contains(text, "urn:ietf:params:acme:error:") && authority == "" {
			authority = text
		}
		if found := pythonError.FindStringSubmatch(text); found != nil && !strings.HasPrefix(system, "[Errno ") {
			system = found[1]
		}
	}
	exit, exited := errors.AsType[*hosts.ExitError](failure)
	if exited {
		failure = &hosts.ExitError{Host: exit.Host, Command: exit.Command, Code: exit.Code}
	}
	switch {
	case authority != "":
		return certbotError{"the certificate authority says: " + authority, failure}
	case system != "":
		return certbotError{"certbot says: " + system, failure}
	case exited:
		return exit
	}
	return failure
}
