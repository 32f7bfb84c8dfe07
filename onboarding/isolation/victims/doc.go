// Package victims chooses whose rows a check goes for and who attacks them, finds the rows, and
// makes up rows where there are none. Reads are tried as every tenant; what is costlier is tried
// by a sample of attackers on a sample of victims: strangers, co-members, former members, who
// claims an Org, anonymous sessions, other roles and other settings.
package victims
