// Package settings is the configuration of the runbook: its keys, their defaults and their
// validation.
package settings
