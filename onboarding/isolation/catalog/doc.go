// Package catalog reads PostgreSQL's system catalogs as they concern one role: relations with
// what the role may do to them, keys, policies and functions. It also answers what their sources
// name.
package catalog
