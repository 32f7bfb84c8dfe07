// Package tenantcheck makes the success checks of a new tenant on the platform's database: whose
// rows are whose, who sees them, and that no row predates the run. Everything happens in sessions
// that are rolled back, so nothing is left behind.
package tenantcheck
