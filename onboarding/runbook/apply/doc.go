// Package apply carries out single items of approved changes, one applier for each type of item.
// It judges nothing: the caller has made sure that the item may be applied.
package apply
