package dns

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	wire "github.com/miekg/dns"
)

// ErrRecord is wrapped by every complaint about a record's type, TTL or value.
var ErrRecord = errors.New("not a usable record")

// MaxTTL is the longest time to live, in seconds, that a record may ask for: one week, so that a
// mistake ages out.
const MaxTTL = 7 * 24 * 60 * 60

// writable are the types that may be published. SOA, NS and everything of DNSSEC stay with the
// zone's owner.
var writable = []string{"A", "AAAA", "CAA", "CNAME", "MX", "SRV", "TXT"}

// Record is one resource record of class IN. Make it with [NewRecord]; the fields are canonical
// then, and equal records are equal values.
type Record struct {
	Name string `json:"name"` // canonical as [Name] gives it, no final dot
	Type string `json:"type"` // upper case
	TTL  uint32 `json:"ttl"`  // seconds
	// Value is the data as a zone file has it: names with their final dot, text in quotes and
	// split in strings of at most 255 octets.
	Value string `json:"value"`
}

// NewRecord checks and canonicalises a record. The value is as a zone file has it, but names in it
// are always absolute and for TXT it is the bare text, of any length.
func NewRecord(name, kind string, ttl uint32, value string) (Record, error) {
	name, err := Name(name)
	if err != nil {
		return Record{}, err
	}
	kind = strings.ToUpper(kind)
	if !slices.Contains(writable, kind) {
		return Record{}, fmt.Errorf("%w: %s %s: the type is not one of %s", ErrRecord, name, kind,
			strings.Join(writable, ", "))
	}
	if ttl < 1 || ttl > MaxTTL {
		return Record{}, fmt.Errorf("%w: %s %s: TTL %d is not between 1 and %d seconds", ErrRecord, name, kind, ttl,
			MaxTTL)
	}
	if kind == "TXT" {
		value = quoteText(value)
	}
	rr, err := parse(Record{Name: name, Type: kind, TTL: ttl, Value: value})
	if err != nil {
		return Record{}, err
	}
	// Over the wire and back: there are several ways to write the same data, and name servers
	// return one of them.
	octets := make([]byte, wire.Len(rr))
	if _, err := wire.PackRR(rr, octets, 0, nil, false); err != nil {
		return Record{}, fmt.Errorf("%w: %s %s: %w", ErrRecord, name, kind, err)
	}
	if rr, _, err = wire.UnpackRR(octets, 0); err != nil {
		return Record{}, fmt.Errorf("%w: %s %s: %w", ErrRecord, name, kind, err)
	}
	return fromWire(rr)
}

// Text is what a person compares: for TXT the strings joined (RFC 7208 §3.3, RFC 6376 §3.6.2.2),
// else the value.
func (r Record) Text() string {
	if r.Type != "TXT" {
		return r.Value
	}
	rr, err := parse(r)
	if err != nil {
		return r.Value
	}
	return joinText(rr.(*wire.TXT).Txt)
}

// String is the record as a line of a zone file.
func (r Record) String() string {
	return fmt.Sprintf("%s. %d IN %s %s", r.Name, r.TTL, r.Type, r.Value)
}

// same reports whether two records hold the same data, however their text is split and whatever
// their TTL.
func (r Record) same(other Record) bool {
	return r.Name == other.Name && r.Type == other.Type && r.Text() == other.Text()
}

func compareRecords(a, b Record) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value),
		cmp.Compare(a.TTL, b.TTL))
}

// parse gives the wire form. One record must come of it: a value with a newline would smuggle in a
// second.
func parse(r Record) (wire.RR, error) {
	if strings.ContainsAny(r.Value, "\r\n") || strings.ContainsAny(r.Name, " \t\r\n;\"()$") {
		return nil, fmt.Errorf("%w: %s %s: control characters", ErrRecord, r.Name, r.Type)
	}
	parser := wire.NewZoneParser(strings.NewReader(r.String()+"\n"), ".", "")
	rr, ok := parser.Next()
	if err := parser.Err(); err != nil {
		return nil, fmt.Errorf("%w: %s %s %s: %w", ErrRecord, r.Name, r.Type, r.Value, err)
	}
	if !ok || wire.TypeToString[rr.Header().Rrtype] != r.Type {
		return nil, fmt.Errorf("%w: %s %s: no value", ErrRecord, r.Name, r.Type)
	}
	return rr, nil
}

// fromWire gives the canonical record of one that was parsed or received.
func fromWire(rr wire.RR) (Record, error) {
	header := rr.Header()
	name, err := Name(header.Name)
	if err != nil {
		return Record{}, err
	}
	kind, ok := wire.TypeToString[header.Rrtype]
	if !ok || header.Class != wire.ClassINET {
		return Record{}, fmt.Errorf("%w: %s: type %d, class %d", ErrRecord, name, header.Rrtype, header.Class)
	}
	switch rr := rr.(type) {
	case *wire.CNAME:
		rr.Target, err = target(rr.Target)
	case *wire.MX:
		rr.Mx, err = target(rr.Mx)
	case *wire.SRV:
		rr.Target, err = target(rr.Target)
	case *wire.NS:
		rr.Ns, err = target(rr.Ns)
	}
	if err != nil {
		return Record{}, fmt.Errorf("%w: %s %s: %w", ErrRecord, name, kind, err)
	}
	return Record{Name: name, Type: kind, TTL: header.Ttl,
		Value: strings.TrimPrefix(rr.String(), header.String())}, nil
}

// target canonicalises a name in a record's data. The root stands for "none" (RFC 7505, RFC 2782).
func target(name string) (string, error) {
	if name == "." {
		return name, nil
	}
	name, err := Name(name)
	return name + ".", err
}
