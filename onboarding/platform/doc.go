// Package platform is the platform's own database as onboarding needs it: who is a tenant, the few
// rows that make one, and sessions of the application in which row-level security can be tested.
//
// It writes only approved [onboarding.Transaction]s. What it does as the application is always
// rolled back. It knows no runs and no steps, and it is never the bot's own database.
package platform
