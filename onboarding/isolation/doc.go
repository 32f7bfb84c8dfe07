// Package isolation proves, or disproves, that tenants cannot reach each other's rows in a
// Postgres schema that it has never seen. It knows no chat and no runbook: what goes in is a
// [Config], what comes out is a [Report].
//
// # The model
//
// Whose a row is: where a column for Orgs is set, the Org's, and so its present members' and its
// owner's; else the Person's in the column for Persons; a row without either goes with its
// parent; the rest is the platform's. A row that names a Person and hangs on a parent is held to
// be foreign only if both are. The attacker is any tenant in a session of the app role: the
// identity setting is what the platform verified, or unset, empty, malformed or unknown; every
// other setting, SET ROLE, temporary objects and every statement that the role has rights for
// are theirs to choose.
//
// # What is a leak
//
// Only what was done. Reads are tried as every tenant on every table: the app role counts rows
// that are not its own by what it can see, and a row that it suspects is held against the truth,
// which a connection above the policies knows. Writes are tried by a sample of attackers on a
// sample of victims (strangers, co-members, who left, the author of an Org's row, who claims an
// Org, nobody), and afterwards the truth, or the victim's own eyes, say whether the row is
// there: a trigger may have put it right. UPDATE and DELETE are tried without WHERE too, since a
// statement that reads nothing is not held to the policies for SELECT (Postgres manual, CREATE
// POLICY). Everything is rolled back, and nothing is committed, ever. A leak of a parent leaks
// its children; both are reported, since both are true.
//
// These are leaks by decision, each because a session can do it: TRUNCATE, which knows no
// policies; switching off the policies of a table that the app role owns, forced or not; a view
// without a barrier that tells a cheap function about rows before it drops them (Postgres
// manual, Rules and Privileges); a temporary table in the place of one that a function names
// without its schema (CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely); writing
// oneself into a table that policies ask; a cascade into another's rows, from the platform's or
// from one's own, such as the account of an author who left; what a trigger or a rule does to
// another's rows elsewhere. A constraint is no protection, since it depends on which rows happen
// to be there: where one held a write, the truth makes room for it, inside the attempt.
//
// # What is a risk
//
// What the catalogue shows and nothing was there to prove it with: row-level security off or a
// policy that is always true on an empty table, a role above policies, a definer function that
// cannot be called or gives everybody the same sum, LEAKPROOF, TRIGGER, a search_path that the
// session chooses. One table of tenants without row-level security beside a protected one is a
// risk.
//
// # What is no alarm
//
// Ids, slugs and names of tenants; users and orgs that are both without row-level security,
// which is a directory and noted as one; that an id or a slug exists; rows with no owner in a
// tenants' table; lookups, also writable ones; whoever is named by a membership reading, leaving
// or accepting it; co-members' accounts; no WITH CHECK where USING covers it; policies for roles
// that the app role cannot become; row-level security that is not forced while the owner is
// somebody else; helpers that run with their definer's rights and answer about the session
// alone; errors raised at sessions without a valid identity, at whoever claims another's Org,
// and at Persons without an Org where every Person gets them.
//
// What could not be read, tried or classified stands in the report's coverage and keeps it from
// being sound.
//
// # Cost
//
// One prepared statement checks up to sixteen tables for a tenant, pipelined thirty-two tenants
// at a time over a few connections: the same work as a loop on the server, without its single
// core. Only counts travel, so memory grows with the page of tenants and never with rows.
package isolation
