package checks

import (
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// checkConfig is what the checks need of the configuration.
type Config struct {
	AppRole          string
	Settings         session.Settings
	Tenancy          tenancy.Config
	ExcusedFunctions []string
	Budget           session.Budget
}
