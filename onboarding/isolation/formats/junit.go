package formats

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// The elements of JUnit's XML that GitLab, Jenkins and GitHub's reporters read.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Suite   junitSuite
	}
	junitSuite struct {
		XMLName  xml.Name `xml:"testsuite"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Seconds  string   `xml:"time,attr"`
		Cases    []junitCase
	}
	junitCase struct {
		XMLName xml.Name      `xml:"testcase"`
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitOutcome `xml:"failure,omitempty"`
		Error   *junitOutcome `xml:"error,omitempty"`
		Skipped *junitOutcome `xml:"skipped,omitempty"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitOutcome struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the report as JUnit's XML: a test case for each operation that was tried on a table
// and for each finding. A leak is a failure, what could not be checked is an error, and a risk is a
// case that passed with a text. What the baseline has already is skipped.
func (d Document) JUnit(w io.Writer) error {
	suite := junitSuite{Name: "isolation", Seconds: fmt.Sprintf("%.3f", d.Report.Coverage.Seconds)}
	found := map[[2]string]bool{}
	for _, f := range d.Report.Findings {
		found[[2]string{f.Table, string(f.Operation)}] = true
		suite.add(d.finding(f))
	}
	for _, a := range d.Report.Accepted {
		found[[2]string{a.Table, string(a.Operation)}] = true
		suite.add(junitCase{Class: a.Table, Name: string(a.Operation),
			Skipped: &junitOutcome{Message: "accepted: " + a.String()}})
	}
	for _, covered := range d.Report.Coverage.Detail {
		for _, operation := range covered.Tried {
			if !found[[2]string{covered.Table, string(operation)}] {
				suite.add(junitCase{Class: covered.Table, Name: string(operation)})
			}
		}
	}
	fresh, known := d.unchecked()
	for _, line := range fresh {
		suite.add(junitCase{Class: "not checked", Name: line, Error: &junitOutcome{Message: line, Type: "not checked"}})
	}
	for _, line := range known {
		suite.add(junitCase{Class: "not checked", Name: line, Skipped: &junitOutcome{Message: "as in the baseline"}})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Suite: suite}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (d Document) finding(f results.Finding) junitCase {
	test := junitCase{Class: f.Table, Name: string(f.Operation)}
	text := strings.Join(paragraphs(f), "\n\n") + "\n"
	switch {
	case d.known(f):
		test.Skipped = &junitOutcome{Message: string(f.Kind) + ", known from the baseline: " + f.Evidence}
	case f.Kind == results.Leak:
		test.Failure = &junitOutcome{Message: f.Evidence, Type: string(f.Kind), Text: text}
	default:
		test.Output = string(f.Kind) + ": " + text
	}
	return test
}

func (s *junitSuite) add(test junitCase) {
	s.Tests++
	switch {
	case test.Failure != nil:
		s.Failures++
	case test.Error != nil:
		s.Errors++
	case test.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, test)
}
