// Package site is one domain of a run as the configuration describes it, and as it is on its VPS
// and to its visitors. It decides nothing and changes nothing.
package site
