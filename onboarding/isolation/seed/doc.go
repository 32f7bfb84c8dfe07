// Package seed makes tenants and rows in a disposable database, with the rights of the schema's
// owner, so that a schema can be checked before it is deployed. It refuses a database that has
// tenants, and the authoritative host.
package seed
