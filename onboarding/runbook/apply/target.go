package apply

import (
	"errors"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// markedError also is an error that the engine knows.
type markedError struct {
	error
	mark error
}

func (e markedError) Unwrap() error        { return e.error }
func (e markedError) Is(target error) bool { return target == e.mark }

// marks are the errors of parts that the engine tells apart.
var marks = []struct{ err, mark error }{
	{dns.ErrDrift, onboarding.ErrTargetChanged},
	{repo.ErrDrift, onboarding.ErrTargetChanged},
	{repo.ErrUnapproved, onboarding.ErrTargetChanged},
	{repo.ErrUnsigned, onboarding.ErrTargetChanged},
	{repo.ErrSources, onboarding.ErrTargetChanged},
	{platform.ErrWrongServer, onboarding.ErrTargetChanged},
	{hosts.ErrFenced, onboarding.ErrNotHolder},
	{hosts.ErrLost, onboarding.ErrLost},
}

// mark makes an error of a part one that the engine knows.
func mark(err error) error {
	for _, known := range marks {
		if errors.Is(err, known.err) {
			return markedError{err, known.mark}
		}
	}
	return err
}
