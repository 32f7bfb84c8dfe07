// Package rights holds the checks of what the app role is, owns and may do, and of what policies
// trust: a role above policies, or one that can rewrite what they ask, needs no hole in them.
package rights
