package apply

import (
	"errors"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// targetChangedError also is [onboarding.ErrTargetChanged].
type targetChangedError struct{ error }

func (e targetChangedError) Unwrap() error        { return e.error }
func (e targetChangedError) Is(target error) bool { return target == onboarding.ErrTargetChanged }

// markChanged makes an error of a part that found its target changed one that the engine knows.
func markChanged(err error) error {
	for _, changed := range []error{dns.ErrDrift, repo.ErrDrift, repo.ErrSources, platform.ErrWrongServer} {
		if errors.Is(err, changed) {
			return targetChangedError{err}
		}
	}
	return err
}
