package certificates

import "time"

// Lineage is certbot's word for a certificate together with all its renewals.
type Lineage struct {
	Name        string      `json:"name"`        // as certbot's --cert-name takes it
	Certificate Certificate `json:"certificate"` // the newest, as it is on disk
	// Directory is the URL of the ACME directory that the certificate was issued from.
	Directory string `json:"directory,omitempty"`
	// RenewBefore is how long before its expiry certbot renews it, 0 if its configuration does not
	// say.
	RenewBefore time.Duration `json:"renew_before_ns,omitempty"`
	// Manual reports that somebody turned automatic renewal off (autorenew = False).
	Manual bool `json:"manual,omitempty"`
	// Authenticator is the plugin with which certbot proves control of the names, such as nginx or
	// webroot.
	Authenticator string `json:"authenticator,omitempty"`
}

// Covers reports whether the certificate on disk is valid for a name.
func (l Lineage) Covers(name string) bool { return l.Certificate.Covers(name) }
