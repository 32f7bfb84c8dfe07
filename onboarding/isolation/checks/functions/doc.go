// Package functions holds the checks of functions: it calls those that run with the rights of their
// definer, alone and behind temporary tables, gives others the columns that they are trusted with,
// and reads how all of them are defined.
package functions
