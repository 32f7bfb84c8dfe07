// Package reports has the isolation of tenants proven again and again, and remembers what each report said: on a schedule, one
// report a tick however many replicas, and when somebody asks, one at a time. What isolation is and how it is proven belongs to
// package isolation; how a report reads in Slack, to package commands.
package reports
