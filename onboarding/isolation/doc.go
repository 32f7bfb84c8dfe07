// Package isolation proves, or disproves, that tenants cannot reach each other's rows in a Postgres schema that it has never seen.
package isolation
