// Package repo reads and changes the platform's git repository on its host. It makes commits in
// one domain's deploy folder and nowhere else, and it never touches what an operator has staged or
// is working on beside it.
//
// A commit is made by one script that runs on the host to its end under the lock "repo": it checks
// that the files are still what the change was made from, writes them, commits those paths alone,
// checks that the commit is HEAD's tree with exactly these files changed, and only then pushes.
// Run again after a crash it continues: files that are already written are left, a commit that
// exists is not made again, and one that was not pushed is pushed.
//
// The package knows no steps and no file formats.
package repo
