package formats

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// The parts of SARIF 2.1.0 that a report needs (OASIS, sarif-v2.1.0, section 3).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string             `json:"id"`
		ShortDescription     sarifMessage       `json:"shortDescription"`
		DefaultConfiguration sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifResult struct {
		RuleID        string            `json:"ruleId"`
		RuleIndex     int               `json:"ruleIndex"`
		Level         string            `json:"level"`
		Message       sarifMessage      `json:"message"`
		Locations     []sarifLocation   `json:"locations"`
		Fingerprints  map[string]string `json:"partialFingerprints"`
		BaselineState string            `json:"baselineState,omitempty"`
		// Suppressions are empty for a finding that counts.
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

// fingerprint is the key by which GitHub recognizes a finding in the next upload ("SARIF support for
// code scanning", partialFingerprints).
const fingerprint = "primaryLocationLineHash"

// SARIF writes the report as a SARIF 2.1.0 log. Code scanning shows findings at files, so each has
// the URI database/SCHEMA.TABLE, which need not exist.
func (d Document) SARIF(w io.Writer) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "onboardbot isolation", Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{d.invocation()},
		Results:     []sarifResult{},
	}
	for _, f := range d.Report.Findings {
		run.add(f, d.baselineState(f))
	}
	for _, a := range d.Report.Accepted {
		run.add(a.Finding, d.baselineState(a.Finding), sarifSuppression{"external", a.String()})
	}
	return encode(w, sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}

func (d Document) invocation() sarifInvocation {
	fresh, known := d.unchecked()
	i := sarifInvocation{ExecutionSuccessful: len(fresh) == 0}
	notify := func(level, prefix string, lines []string) {
		for _, line := range lines {
			i.Notifications = append(i.Notifications, sarifNotification{level, sarifMessage{prefix + line}})
		}
	}
	notify("error", "not checked: ", fresh)
	notify("note", "not checked, as in the baseline: ", known)
	if d.Changes != nil {
		for _, f := range d.Changes.Fixed {
			notify("note", "fixed since the baseline: ", []string{f.Key()})
		}
	}
	return i
}

func (d Document) baselineState(f results.Finding) string {
	switch {
	case d.Baseline == nil:
		return ""
	case d.known(f):
		return "unchanged"
	}
	return "new"
}

func (r *sarifRun) add(f results.Finding, baselineState string, suppressions ...sarifSuppression) {
	level := "warning"
	if f.Kind == results.Leak {
		level = "error"
	}
	rule := sarifRule{
		ID:                   string(f.Kind) + "/" + url.PathEscape(string(f.Operation)),
		ShortDescription:     sarifMessage{string(f.Kind) + ": " + string(f.Operation)},
		DefaultConfiguration: sarifConfiguration{level},
	}
	rules := &r.Tool.Driver.Rules
	index := slices.IndexFunc(*rules, func(known sarifRule) bool { return known.ID == rule.ID })
	if index < 0 {
		index = len(*rules)
		*rules = append(*rules, rule)
	}
	hash := sha256.Sum256([]byte(f.Key()))
	r.Results = append(r.Results, sarifResult{
		RuleID: rule.ID, RuleIndex: index, Level: level,
		Message: sarifMessage{string(f.Kind) + ": " + string(f.Operation) + " of " + f.Table + "\n" +
			strings.Join(paragraphs(f), "\n\n")},
		Locations: []sarifLocation{{
			Physical: sarifPhysical{sarifArtifact{"database/" + url.PathEscape(f.Table)}},
			Logical:  []sarifLogical{{f.Table}},
		}},
		Fingerprints:  map[string]string{fingerprint: hex.EncodeToString(hash[:])},
		BaselineState: baselineState, Suppressions: suppressions,
	})
}
