// Package reading holds the checks that read: every table as every tenant and as sessions that
// belong to none, on connections that tenants share, what was copied out of tenants' tables, and
// large objects.
package reading
