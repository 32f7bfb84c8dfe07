// Package proof compares what a session saw or wrote with the truth: a connection that policies
// do not apply to. What a session sees by its own account is a suspicion; a row that the truth
// says is another tenant's is a proof.
package proof
