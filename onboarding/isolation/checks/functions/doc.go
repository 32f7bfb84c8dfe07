// Package functions holds the checks of functions: it calls those that run with the rights of
// their definer, also with temporary tables in the place of those that they name, calls those that
// are marked LEAKPROOF on the columns of tables, and reads how all of them are defined.
package functions
