package dns

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	wire "github.com/miekg/dns"

	"github.com/atlilith/onboardbot/internal/secret"
)

// algorithms are those that RFC 8945 §6 does not discourage.
var algorithms = []string{"hmac-sha256", "hmac-sha384", "hmac-sha512"}

// RFC2136Config says where signed updates go.
type RFC2136Config struct {
	// Server is the primary name server as host:port; the port defaults to 53.
	Server string `yaml:"server"`
	// Zones are the zones that the key may change. Default: any, as the server allows.
	Zones []string `yaml:"zones"`
	// Key is the TSIG key's name, as the server knows it.
	Key string `yaml:"key"`
	// Algorithm is hmac-sha256, hmac-sha384 or hmac-sha512. Default hmac-sha256.
	Algorithm string `yaml:"algorithm"`
	// Secret is the key in base64. Give either this or SecretFile.
	Secret secret.String `yaml:"secret"`
	// SecretFile holds the key in base64.
	SecretFile string `yaml:"secret_file"`
	// Timeout is for one message and its reply. Default 5s.
	Timeout time.Duration `yaml:"timeout"`
}

// WithDefaults returns the configuration with every default filled in.
func (c RFC2136Config) WithDefaults() RFC2136Config {
	c.Algorithm = cmp.Or(c.Algorithm, algorithms[0])
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	return c
}

// Validate reports every problem, each with the field's name.
func (c RFC2136Config) Validate() error {
	var problems []error
	if _, err := c.address(); err != nil {
		problems = append(problems, fmt.Errorf("server: %w", err))
	}
	if _, err := Name(c.Key); err != nil {
		problems = append(problems, fmt.Errorf("key: %w", err))
	}
	if !slices.Contains(algorithms, c.Algorithm) {
		problems = append(problems,
			fmt.Errorf("algorithm: %q is not one of %s", c.Algorithm, strings.Join(algorithms, ", ")))
	}
	if c.Secret.IsZero() == (c.SecretFile == "") {
		problems = append(problems, errors.New("secret: give either secret or secret_file"))
	} else if !c.Secret.IsZero() {
		problems = append(problems, checkSecret(c.Secret))
	}
	for i, zone := range c.Zones {
		if _, err := Name(zone); err != nil {
			problems = append(problems, fmt.Errorf("zones[%d]: %w", i, err))
		}
	}
	if c.Timeout < 0 {
		problems = append(problems, fmt.Errorf("timeout: %s is negative", c.Timeout))
	}
	return errors.Join(problems...)
}

func (c RFC2136Config) address() (string, error) {
	if c.Server == "" {
		return "", errors.New("missing: the primary name server as host:port")
	}
	if _, _, err := net.SplitHostPort(c.Server); err == nil {
		return c.Server, nil
	}
	address := net.JoinHostPort(strings.Trim(c.Server, "[]"), "53")
	_, _, err := net.SplitHostPort(address)
	return address, err
}

// key returns the key's name with a final dot, and its secret; what is wrong with that is said
// without showing it.
func (c RFC2136Config) key() (string, secret.String, error) {
	value := c.Secret
	if c.SecretFile != "" {
		text, err := os.ReadFile(c.SecretFile)
		if err != nil {
			return "", value, fmt.Errorf("secret_file: %w", err)
		}
		value = secret.New(strings.TrimSpace(string(text)))
	}
	if err := checkSecret(value); err != nil {
		return "", value, err
	}
	name, err := Name(c.Key)
	return wire.Fqdn(name), value, err
}

func checkSecret(value secret.String) error {
	if key, err := base64.StdEncoding.DecodeString(value.Reveal()); err != nil || len(key) == 0 {
		return errors.New("secret: not base64, as tsig-keygen prints it")
	}
	return nil
}
