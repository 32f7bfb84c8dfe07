// Package pipeline asks for every tenant whether it sees rows of other tenants, in every table.
//
// One prepared statement checks a few tables for a tenant, and the statements of thirty-two
// tenants are sent before the first answer is read, over a few connections: the same work as a
// loop on the server, without its single core. Only one bit for each table travels, so memory
// grows with the page of tenants and never with rows.
package pipeline
