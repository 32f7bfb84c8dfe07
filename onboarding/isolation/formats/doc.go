// Package formats writes reports for other programs: SARIF for code scanning, JUnit for the test
// tab of a CI, Markdown for its summary. What is known from a baseline is marked and fails nothing.
package formats
