// Package isolation checks whether the tenants of a PostgreSQL database can reach each other's
// rows, in a schema that it has never seen. It knows no chat and no runbook: a [Config] goes in, a
// [Report] comes out.
//
//	checker, err := isolation.New(config)
//	report, err := checker.Check(ctx, isolation.Options{})
//
// # Layout
//
// The packages below import each other in one direction only, and none imports this one:
//
//   - query quotes names and values, and tells errors apart by SQLSTATE
//   - results holds findings, coverage and reports
//   - formats writes reports for other programs
//   - catalog reads the system catalogs as they concern the app role
//   - sqltree parses SQL and PL/pgSQL with PostgreSQL's own parser
//   - taint follows settings to what policies, views and functions compare them with
//   - tenancy finds out whose rows are whose, and renders that as SQL
//   - session opens sessions as an attacker would, and rolls back what they do
//   - imagine makes up values that columns would take
//   - victims chooses whose rows are attacked, by whom, and with what
//   - proof compares what a session saw or wrote with the truth
//   - fixes writes the SQL that closes what was found, and trial tries it
//   - pipeline reads every table as every tenant
//   - checks lists the checks in order; each is in a room of its kind below
//
// # The attacker
//
// The attacker is any tenant in a session of the app role. The identity setting is what the
// platform verified, or unset, empty, malformed or unknown. Every other setting, SET ROLE,
// temporary objects and every statement that the role has rights for are the attacker's to choose.
// Whose a row is, package tenancy says.
//
// # What is a leak
//
// A leak was done. Every tenant tries to read every table: the app role counts rows that are not
// its own by what it can see, and each row that it suspects is compared with the truth, which a
// connection that policies do not apply to knows. That connection reads tables, and runs nothing
// of the platform's that SQL of the configuration does not call; attackers log in as the
// platform's sessions do. A sample of attackers tries to write to a sample of victims; then the
// truth, or the victim's own session, says whether the row is there, since a trigger may have
// undone the write. Every transaction is rolled back; nothing is ever committed. A leak of a
// parent leaks its children: both are reported, since both are true.
//
// These count as leaks by decision, each because a session can do it: TRUNCATE, to which policies
// do not apply; switching off the policies of a table that the app role owns, forced or not; a
// view without a barrier that passes rows to a cheap function before it drops them (PostgreSQL
// manual, Rules and Privileges); a temporary table in the place of one that a function names
// without its schema (CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely); writing oneself
// into a table that policies ask; a cascade into another's rows, from the platform's or from one's
// own, such as the account of an author who left; and what a trigger or a rule does to another's
// rows, or copies of them into one's own. A constraint is no protection, since it depends on which
// rows happen to be there: PostgreSQL checks it after the policies, so a write that a unique or
// foreign key held is proof that policies let it pass.
//
// # What is a risk
//
// A risk is what the catalog shows where nothing was there to prove it with: row-level security
// off, or a policy that is always true, on an empty table; a role above policies; a function that
// gives up the role of its session; a SECURITY DEFINER function that cannot be called or gives
// everybody the same number, which no sampled tenant could change; LEAKPROOF; TRIGGER; a
// search_path that the session chooses. One table of tenants without row-level security beside a
// protected one is a risk.
//
// # What is neither
//
//   - ids, slugs and names of tenants, and that an id or a slug exists
//   - users and orgs that are both without row-level security: a directory, recorded as a note
//   - rows without an owner in a tenants' table, and lookup tables, also writable ones
//   - a Person who reads, ends or accepts a membership that names them
//   - the accounts of co-members
//   - no WITH CHECK where USING covers it, and policies for roles that the app role cannot become
//   - row-level security that is not forced while the app role is not the owner
//   - helper functions that run with their definer's rights and answer about the session alone
//   - errors raised for sessions without a valid identity, for whoever claims another's Org, and for Persons
//     without an Org where every Person gets them
//
// # What a rollback does not undo
//
// Numbers that sequences give out, which leaves gaps; attempts bring keys along where they can.
// Code that waits, writes files or reaches other servers is left alone, and reported.
//
// What could not be read, tried or classified is recorded in the report's [Coverage] and keeps it
// from being sound.
package isolation
