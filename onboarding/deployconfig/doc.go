// Package deployconfig edits the three files that make a domain's deploy folder its own:
// services.yaml, deploy.sh and nginx/prod.conf. Each edit parses to find the place, replaces those
// bytes alone, and parses again to prove that only the intended values differ; comments, blank
// lines, quoting and line ends stay as their owner left them, and a file that already says what is
// wanted comes back byte for byte. What cannot be edited without guessing is refused with its
// line.
//
// It reads and writes no files and knows no hosts, no git and no steps.
package deployconfig
