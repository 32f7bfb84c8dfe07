// Package acceptance holds no code: its tests let real certificates of a few seconds grow old in a world of real daemons, and watch what
// package certificates has to say about it.
package acceptance
