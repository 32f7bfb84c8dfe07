package templates

import _ "embed"

//go:embed org-site/config.yaml
var orgSite string

// OrgSite returns the configuration of an Org's site for a platform that has no template of its
// own. It is YAML with a placeholder, such as {name}, for each value.
func OrgSite() []byte { return []byte(orgSite) }
