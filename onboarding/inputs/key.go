package inputs

import (
	"slices"
	"strings"
)

// Key names one input. [Mail] and [Host] may be said for one domain alone, as in mail.merche-biche.com.
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
)

// Keys lists every key in the order in which people are told of them.
var Keys = []Key{Slug, Mode, Name, Email, Org, OrgName, Domains, Host, Mail, Palette, Background, Text, Primary, Accent, Copy}

// examples are values to show.
var examples = map[Key]string{
	Slug: "merche-biche", Mode: "person", Name: "Merche Biche", Email: "merche@example.com", Org: "merche-collective", OrgName: "Merche Collective",
	Domains: "merche-biche.com,merche.example", Host: "vps-0", Mail: "mailbox", Palette: "#ffffff,#1a1a2e,#b0124f,#00695c",
	Background: "#ffffff", Text: "#1a1a2e", Primary: "#b0124f", Accent: "#00695c", Copy: "Welcome.",
}

// synonyms are what people write instead of a key.
var synonyms = map[string]Key{
	"display_name": Name, "displayname": Name, "e_mail": Email, "domain": Domains, "organisation": Org, "organization": Org,
	"org_slug": Org, "orgname": OrgName, "vps": Host, "server": Host, "colors": Palette, "colours": Palette, "bg": Background,
}

// modes are what people write for each mode, the mode itself included.
var modes = map[string]string{
	"person": "person", "person_only": "person", "solo": "person", "standalone": "person", "individual": "person",
	"owner": "owner", "own": "owner", "owns": "owner", "owns_org": "owner", "agency": "owner", "person_owns_org": "owner", "new_org": "owner",
	"member": "member", "join": "member", "joins": "member", "joins_org": "member", "talent": "member", "managed": "member", "person_joins_org": "member",
}

// For is the key for one domain alone.
func (k Key) For(domain string) Key { return k + "." + Key(domain) }

// Split takes the domain off a key, if it has one.
func (k Key) Split() (base Key, domain string) {
	name, domain, _ := strings.Cut(string(k), ".")
	return Key(name), domain
}

// list says whether a key takes values with commas between them.
func (k Key) list() bool { return k == Domains || k == Palette }

// prose says whether a key's value is for people to read, so that its dashes are kept as they are.
func (k Key) prose() bool { return k == Name || k == OrgName || k == Copy }

// readKey understands a key as it was typed, or suggests one. A domain is allowed behind those keys that can have one.
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
	best := 3 // two slips of the finger are still a hint at what was meant
	for _, candidate := range Keys {
		if d := distance(name, string(candidate)); d < best && d < len(candidate) {
			best, suggestion = d, candidate
		}
	}
	return "", suggestion
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
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
