package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// fingerprintLength is how many hexadecimal digits a fingerprint has: enough that nobody changes an
// object into another with the same by accident.
const fingerprintLength = 12

// Fingerprint identifies how the objects with a name are defined: the relation with its policies,
// rights and what they call, or the functions. It is the same in another database with the same
// schema. Without such an object, it identifies the texts alone.
func (c *Catalog) Fingerprint(name string, otherwise ...string) string {
	var parts []string
	if r := c.Named(name); r != nil {
		parts = append(parts, r.describe(c))
	}
	for _, f := range c.Functions {
		if f.String() == name {
			parts = append(parts, f.describe())
		}
	}
	if len(parts) == 0 {
		parts = otherwise
	}
	hash := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(hash[:])[:fingerprintLength]
}

// describe says everything about a relation that a check of isolation rests on, without oids.
func (r *Relation) describe(c *Catalog) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %q %t %t %q", r, r.Kind, r.Owner, r.RLS, r.Forced, r.Options)
	fmt.Fprintf(&b, " %t %t %t %t %t %t", r.Usage, r.SelectAll, r.Delete, r.Truncate, r.Trigger, r.Elsewhere)
	fmt.Fprintf(&b, " %q %q %q %d %q", r.Definition, r.Key, r.Unique, r.Rules, r.Partitioned)
	for _, column := range r.Columns {
		fmt.Fprintf(&b, "\n%+v", *column)
	}
	for _, key := range r.ForeignKeys {
		fmt.Fprintf(&b, "\n%q %v %q", key.Columns, c.Relation(key.Target), key.TargetCols)
	}
	for _, policy := range r.Policies {
		fmt.Fprintf(&b, "\n%+v", policy)
	}
	for _, f := range c.Functions {
		if r.PolicyNames(f.Name) {
			b.WriteString("\n" + f.describe())
		}
		for _, oid := range r.Triggers {
			if oid == f.OID {
				b.WriteString("\n" + f.describe())
			}
		}
	}
	return b.String()
}

// describe says everything about a function that a check of isolation rests on.
func (f *Function) describe() string {
	return fmt.Sprintf("%s %q %q %t %q %t %t %s %q %q %t %q %t", f.Signature(), f.Owner, f.Config, f.Definer,
		f.Language, f.Volatile, f.Immutable, f.Kind, f.Source, f.Definition, f.Leakproof, f.Returns, f.Executable)
}
