package inputs

import (
	"slices"
	"strings"
)

// Key names one input. [Mail] and [Host] can be given for a single domain, as in
// mail.merche-biche.com.
type Key string

// The inputs.
const (
	Slug       Key = "slug" // usually the first word
	Mode       Key = "mode" // person, owner or member
	Name       Key = "name"
	Email      Key = "email"
	Org        Key = "org"
	OrgName    Key = "org_name"
	Domains    Key = "domains" // a list
	Host       Key = "host"
	Mail       Key = "mail"    // none, forwarding, forward:ADDRESS or mailbox
	Palette    Key = "palette" // a list: background, text, primary, accent
	Background Key = "background"
	Text       Key = "text"
	Primary    Key = "primary"
	Accent     Key = "accent"
	Copy       Key = "copy"
	At         Key = "at" // a time, perhaps behind a day
)

// Keys are all keys in the order in which sentences list them.
var Keys = []Key{Slug, Mode, Name, Email, Org, OrgName, Domains, Host, Mail, Palette, Background, Text, Primary,
	Accent, Copy, At}

// examples are values that sentences show.
var examples = map[Key]string{
	Slug: "merche-biche", Mode: "person", Name: "Merche Biche", Email: "merche@example.com",
	Org: "merche-collective", OrgName: "Merche Collective",
	Domains: "merche-biche.com,merche.example", Host: "vps-0", Mail: "mailbox",
	Palette: "#ffffff,#1a1a2e,#b0124f,#00695c", Background: "#ffffff", Text: "#1a1a2e",
	Primary: "#b0124f", Accent: "#00695c", Copy: "Welcome.",
	At: "02:00",
}

// synonyms are words that people write instead of a key.
var synonyms = map[string]Key{
	"display_name": Name, "displayname": Name, "e_mail": Email, "domain": Domains,
	"organisation": Org, "organization": Org, "org_slug": Org, "orgname": OrgName,
	"vps": Host, "server": Host, "colors": Palette, "colours": Palette, "bg": Background,
}

// modes maps what people write to the mode that they mean.
var modes = map[string]string{
	"person": "person", "person_only": "person", "solo": "person", "standalone": "person",
	"individual": "person",
	"owner":      "owner", "own": "owner", "owns": "owner", "owns_org": "owner", "agency": "owner",
	"person_owns_org": "owner", "new_org": "owner",
	"member": "member", "join": "member", "joins": "member", "joins_org": "member",
	"talent": "member", "managed": "member", "person_joins_org": "member",
}

// For returns the key for a single domain.
func (k Key) For(domain string) Key { return k + "." + Key(domain) }

// Split separates a key from its domain, which is empty if the key has none.
func (k Key) Split() (base Key, domain string) {
	name, domain, _ := strings.Cut(string(k), ".")
	return Key(name), domain
}

// list reports whether the key's value is a list.
func (k Key) list() bool { return k == Domains || k == Palette }

// prose reports whether the key's value is text for people, whose dashes are kept as they are.
func (k Key) prose() bool { return k == Name || k == OrgName || k == Copy }

// readKey returns the key that was typed, or else one that was probably meant. Only [Mail] and
// [Host] can have a domain.
func readKey(typed string) (key Key, suggestion Key) {
	name, domain, scoped := strings.Cut(strings.ToLower(plainDashes(typed)), ".")
	name = strings.ReplaceAll(name, "-", "_")
	key, known := synonyms[name]
	if !known {
		key = Key(name)
	}
	if slices.Contains(Keys, key) {
		switch {
		case !scoped:
			return key, ""
		case (key == Mail || key == Host) && domain != "":
			return key.For(domain), ""
		}
		return "", key
	}
	best := 3 // with two typing errors the meaning can still be guessed
	for _, candidate := range Keys {
		if d := distance(name, string(candidate)); d < best && d < len(candidate) {
			best, suggestion = d, candidate
		}
	}
	return "", suggestion
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between two
// words (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 20 {
		return len(a)
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		beforeLast, last, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], beforeLast[j-2]+1)
			}
		}
		rows = [3][]int{last, row, beforeLast}
	}
	return rows[1][len(b)]
}
