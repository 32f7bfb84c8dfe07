// Package repo reads and changes the platform's git repository, on whichever host it lives. It
// makes commits in one domain's deploy folder and nowhere else, and it never touches what an
// operator has staged or is working on beside it.
//
// A commit is made by one script that runs on the host to its end under the lock "repo": it checks
// that the files are still what the change was made from, writes them, commits those paths alone,
// proves that the commit is HEAD's tree with exactly these files changed, and only then pushes.
// Run again after a crash at any point it goes on from there: files that are already written are
// left, a commit that is already made is not made again, and one that was not pushed is.
//
// It knows no steps and no file formats.
package repo
