package certificates

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config says how sweeps are made and judged.
type Config struct {
	// Thresholds say when somebody must hear.
	Thresholds Thresholds `yaml:"thresholds"`
	// Limits are those of the authority.
	Limits Limits `yaml:"limits"`
	// Parallel is how many looks are under way at once. Default 128.
	Parallel int `yaml:"parallel"`
	// PerHost is how many of them go to one address, where often all sites are. Default 32, as a few visitors make.
	PerHost int `yaml:"per_host"`
	// ClockSkew is how far a host's clock and this machine's may differ. Default 5m.
	ClockSkew time.Duration `yaml:"clock_skew"`
	// Patience is how long a fault must last before anybody is reminded of it. Default 15m.
	Patience time.Duration `yaml:"patience"`
}

// WithDefaults fills in what is not given.
func (c Config) WithDefaults() Config {
	c.Thresholds, c.Limits = c.Thresholds.WithDefaults(), c.Limits.WithDefaults()
	c.Parallel, c.PerHost = cmp.Or(c.Parallel, 128), cmp.Or(c.PerHost, 32)
	c.ClockSkew, c.Patience = cmp.Or(c.ClockSkew, 5*time.Minute), cmp.Or(c.Patience, 15*time.Minute)
	return c
}

// Validate reports every problem, each with the field's name.
func (c Config) Validate() error {
	c = c.WithDefaults()
	problems := slices.Concat(below("thresholds", c.Thresholds.Validate()), below("limits", c.Limits.Validate()))
	if c.Parallel < 1 {
		problems = append(problems, fmt.Errorf("parallel: %d is not positive", c.Parallel))
	}
	if c.PerHost < 1 {
		problems = append(problems, fmt.Errorf("per_host: %d is not positive", c.PerHost))
	}
	if c.ClockSkew < 0 {
		problems = append(problems, fmt.Errorf("clock_skew: %s is negative", c.ClockSkew))
	}
	if c.Patience < 0 {
		problems = append(problems, fmt.Errorf("patience: %s is negative", c.Patience))
	}
	return errors.Join(problems...)
}

// below puts the name of a field before each problem with what it holds.
func below(field string, err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var problems []error
		for _, one := range joined.Unwrap() {
			problems = append(problems, below(field, one)...)
		}
		return problems
	}
	if err == nil {
		return nil
	}
	return []error{fmt.Errorf("%s.%w", field, err)}
}
