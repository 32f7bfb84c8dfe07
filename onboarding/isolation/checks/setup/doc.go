// Package setup connects to the platform, reads its catalog and its model of tenants, and chooses
// what to attack. Every check of isolation is made of a [Setup], and takes from it what it needs.
package setup
