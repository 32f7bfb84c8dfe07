// Package reports runs the isolation check again and again and keeps what each report said. It
// runs on a schedule, one report for each tick however many replicas there are, and when an
// operator asks for a report. Checks take turns: one at a time over all replicas.
//
// Package isolation defines what isolation is and how it is checked. How a report reads in Slack
// belongs to package commands.
package reports
