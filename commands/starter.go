package commands

import (
	"context"
	"errors"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// starter begins runs for drafts, and says what is wrong with those that cannot begin.
type starter struct {
	service *service.Service
	gate    *access.Gate
	drafts  *drafts
	clocks  clocks
	hosts   []string
}

// start is what a run begins with.
type start struct {
	person bot.Person
	meta   form.Meta
	draft  form.Draft
	// submission names the form or the confirmation: one that is sent twice begins one run.
	submission string
}

// begin begins a run and drops its draft. It fails with [form.FieldErrors] or
// [onboarding.Problems] for a draft that is not a request.
func (s *starter) begin(ctx context.Context, asked start) error {
	if !s.gate.AllowsChannel(asked.meta.Channel) {
		return refusal.Sentence(s.gate.Elsewhere())
	}
	request, err := s.request(ctx, asked)
	if err != nil {
		return err
	}
	if _, err := s.service.Begin(ctx, request, service.Asked{Operator: asked.person.ID, Channel: asked.meta.Channel,
		Submission: asked.submission, Replaces: asked.meta.Edits}); err != nil {
		return err
	}
	s.drafts.drop(ctx, asked.meta.Slug, asked.draft.Slug)
	return nil
}

// request turns a draft into a request. Of a draft that is none it returns all problems at once,
// as [form.FieldErrors]. Only operators come here.
func (s *starter) request(ctx context.Context, asked start) (onboarding.Request, error) {
	draft := asked.draft
	now, err := s.clocks.now(ctx, asked.person, draft.At)
	if err != nil {
		return onboarding.Request{}, err
	}
	request, problems := draft.Request(s.hosts, now)
	if len(problems) == 0 {
		return request, nil
	}
	err = s.service.CheckEdited(ctx, request, asked.meta.Edits)
	found, ok := errors.AsType[onboarding.Problems](err)
	if err != nil && !ok {
		return request, err
	}
	problems.Merge(draft.AtBlocks(found, s.hosts))
	return request, problems
}

// checkTimeout bounds the check before the form opens: Slack lets it open for 3 s.
const checkTimeout = 800 * time.Millisecond

// check finds what is wrong with a draft, whose time is in the zone of now. Checks that take too
// long are left for when the run begins.
func (s *starter) check(ctx context.Context, meta form.Meta, draft form.Draft, now time.Time) form.FieldErrors {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, problems := draft.Request(s.hosts, now)
	if found, ok := errors.AsType[onboarding.Problems](
		s.service.CheckEdited(ctx, request, meta.Edits)); ok {
		problems.Merge(draft.AtBlocks(found, s.hosts))
	}
	return problems
}

// fieldErrors returns what an error says about a draft, at its blocks. It returns false for an
// error of another kind.
func (s *starter) fieldErrors(draft form.Draft, err error) (form.FieldErrors, bool) {
	if problems, ok := errors.AsType[form.FieldErrors](err); ok {
		return problems, true
	}
	problems, ok := errors.AsType[onboarding.Problems](err)
	return draft.AtBlocks(problems, s.hosts), ok
}
