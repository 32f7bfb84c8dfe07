// Package views holds the check of views: conditions that are no barrier, and writes that run with
// the rights of the view's owner.
package views
