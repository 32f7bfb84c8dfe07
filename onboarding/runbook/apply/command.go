package apply

import (
	"context"
	"fmt"
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

// explain adds to a failure what certbot's own log on the host says: version 2.1 can hide the
// authority's answer behind an error of its own (AttributeError: can't set attribute).
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
	reason := ""
	for _, line := range result.Last(logTail, hosts.Stdout) {
		// certbot prints the authority's problem documents (RFC 8555 §6.7) as "Detail: …" or with
		// the error's URN.
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "Detail:") || strings.Contains(text, "urn:ietf:params:acme:error:") {
			reason = text
		}
	}
	if reason == "" {
		return failure
	}
	return fmt.Errorf("%w; the certificate authority says: %s", failure, reason)
}
