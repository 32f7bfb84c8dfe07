package templates

import _ "embed"

//go:embed org-site/config.yaml
var orgSite string

// OrgSite returns the configuration of an Org's site, YAML with a placeholder such as {name} for each value, for a platform that has no
// template of its own.
func OrgSite() []byte { return []byte(orgSite) }
