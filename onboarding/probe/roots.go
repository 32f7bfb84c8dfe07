package probe

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// bundles are where systems keep their authorities in one file: Debian, Fedora, OpenSUSE, Alpine.
// They are read by name, since [x509.SystemCertPool] obeys SSL_CERT_FILE and SSL_CERT_DIR, which a
// developer's proxy or a test may have set.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// Roots are the authorities that the configuration trusts.
func (c Config) Roots() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for i, file := range c.RootsFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("roots_files[%d]: %w", i, err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("roots_files[%d]: %s contains no certificate in PEM", i, file)
		}
	}
	if len(c.RootsFiles) > 0 && !c.SystemRoots {
		return pool, nil
	}
	for _, bundle := range bundles {
		text, err := os.ReadFile(bundle)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("system_roots: %w", err)
		}
		if pool.AppendCertsFromPEM(text) {
			return pool, nil
		}
	}
	return nil, errors.New("system_roots: this machine has no bundle of authorities: install the package " +
		"ca-certificates, or give roots_files")
}
