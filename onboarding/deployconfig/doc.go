// Package deployconfig edits the three files that make a domain's deploy folder its own:
// services.yaml, deploy.sh and nginx/prod.conf. Each edit parses the file to find the place,
// replaces only those bytes, and parses again to check that only the intended values differ;
// comments, blank lines, quoting and line ends stay as they are, and a file that already has the
// wanted values is returned byte for byte. A file that cannot be edited without guessing is
// refused with the line.
//
// It reads and writes no files and knows no hosts, no git and no steps.
package deployconfig
