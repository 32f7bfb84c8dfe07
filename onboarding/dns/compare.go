package dns

import (
	"cmp"
	"slices"
	"strings"
)

// Status is the state of a record at the zone's own name servers.
type Status string

// A record is in one of these states.
const (
	OK      Status = "ok"      // every server that answers has it
	Missing Status = "missing" // wanted, and at least one server has nothing of that name and type
	Wrong   Status = "wrong"   // wanted, and at least one server has something else instead
	Extra   Status = "extra"   // not wanted, and in the way of one that is
	Unknown Status = "unknown" // no server gave a usable answer
)

// Finding is one record with its status.
type Finding struct {
	Record
	Status Status `json:"status"`
	// Behind are the servers, by name, that answer and do not have it yet; for an extra record,
	// those that still have it.
	Behind []string `json:"behind,omitempty"`
	// Silent are the servers that gave no usable answer.
	Silent []string `json:"silent,omitempty"`
}

// Settled reports whether all findings are OK and every server answered.
func Settled(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Status != OK || len(f.Silent) > 0 })
}

// Compare judges each record wanted, and adds the records that are in the way of one, against what
// the servers say. The TTL does not count: it is the zone owner's choice. What a wildcard answers
// is in the way of nothing: it no longer answers for a name that exists. Sets that nobody asked
// the servers about are unknown.
func Compare(wanted []Record, seen State) []Finding {
	var findings []Finding
	for _, record := range wanted {
		findings = append(findings, compareRecord(record, seen))
	}
	for _, server := range seen.Servers {
		for _, answer := range server.Answers {
			for _, record := range answer.Records {
				if answer.Wildcard || !obstructs(record, wanted) {
					continue
				}
				i := slices.IndexFunc(findings, func(f Finding) bool { return f.Status == Extra && f.same(record) })
				if i < 0 {
					findings = append(findings, Finding{Record: record, Status: Extra})
					i = len(findings) - 1
				}
				findings[i].Behind = append(findings[i].Behind, server.Name)
			}
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Type, b.Type))
	})
	return findings
}

func compareRecord(record Record, seen State) Finding {
	finding := Finding{Record: record, Status: OK}
	answered := false
	for _, server := range seen.Servers {
		answer, asked := server.answer(Question{record.Name, record.Type})
		switch {
		case !asked || answer.Problem != "":
			finding.Silent = append(finding.Silent, server.Name)
			continue
		case slices.ContainsFunc(answer.Records, record.same):
		default:
			finding.Behind = append(finding.Behind, server.Name)
			inTheWay := func(r Record) bool { return conflicts(r, record) }
			if !answer.Wildcard && slices.ContainsFunc(answer.Records, inTheWay) {
				finding.Status = Wrong
			} else if finding.Status == OK {
				finding.Status = Missing
			}
		}
		answered = true
	}
	if !answered {
		finding.Status = Unknown
	}
	return finding
}

// obstructs reports whether a record that exists must go for one that is wanted.
func obstructs(record Record, wanted []Record) bool {
	blocks := false
	for _, want := range wanted {
		if record.same(want) {
			return false
		}
		blocks = blocks || conflicts(record, want)
	}
	return blocks
}

// conflicts reports whether two records that are not the same cannot both exist. Addresses,
// aliases and mail exchangers are wanted as whole sets; of SPF, DMARC and DKIM there may be only
// one each (RFC 7208 §4.5, RFC 7489 §6.6.3); an alias tolerates nothing beside it (RFC 1034
// §3.6.2). Other text, such as a proof of ownership, is somebody else's and stays.
func conflicts(record, want Record) bool {
	if record.Name != want.Name || record.same(want) {
		return false
	}
	if record.Type != want.Type {
		return record.Type == "CNAME" || want.Type == "CNAME"
	}
	switch record.Type {
	case "A", "AAAA", "CNAME", "MX":
		return true
	case "TXT":
		return textPurpose(record) != "" && textPurpose(record) == textPurpose(want)
	}
	return false
}

// textPurpose is the version tag that says what a TXT record is for, or nothing.
func textPurpose(record Record) string {
	text := strings.ToLower(record.Text())
	for _, tag := range []string{"v=spf1", "v=dmarc1", "v=dkim1"} {
		if rest, ok := strings.CutPrefix(text, tag); ok && (rest == "" || rest[0] == ' ' || rest[0] == ';') {
			return tag
		}
	}
	return ""
}
