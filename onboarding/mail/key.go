package mail

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// KeyKind is the algorithm of a signing key.
type KeyKind string

// The kinds of keys: RFC 6376 §3.3.1 and RFC 8463.
const (
	RSA     KeyKind = "rsa"
	Ed25519 KeyKind = "ed25519"
)

// rsaBits is the size of generated keys. RFC 8301 §3.2 asks signers for 2048, and many zone
// editors accept no longer ones.
const rsaBits = 2048

// ErrKey is wrapped by every error about a key on a host.
var ErrKey = errors.New("not a usable DKIM key")

// PublicKey is the public half of a signing key.
type PublicKey struct {
	Selector string
	Kind     KeyKind
	// Value is the p tag of its record, in base64: for RSA the DER of its SubjectPublicKeyInfo,
	// for ed25519 the bare 32 bytes (RFC 8463 §4).
	Value string
}

// Record is the text to publish at SELECTOR._domainkey.
func (k PublicKey) Record() string { return fmt.Sprintf("v=DKIM1; k=%s; p=%s", k.Kind, k.Value) }

// Fingerprint names the key for people: the beginning of the SHA-256 of its value.
func (k PublicKey) Fingerprint() string {
	sum := sha256.Sum256([]byte(k.Value))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])[:22]
}

// publicKey reads a PEM of a SubjectPublicKeyInfo, as openssl pkey -pubout prints it.
func publicKey(key Key, text []byte) (PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return PublicKey{}, fmt.Errorf("%w: openssl printed no public key", ErrKey)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	public := PublicKey{Selector: key.Selector, Kind: key.Kind}
	switch parsed := parsed.(type) {
	case *rsa.PublicKey:
		if key.Kind != RSA {
			return PublicKey{}, fmt.Errorf("%w: it is RSA, not %s", ErrKey, key.Kind)
		}
		if bits := parsed.N.BitLen(); bits < rsaBits {
			return PublicKey{}, fmt.Errorf("%w: its RSA key has %d bits, at least %d are needed (RFC 8301)", ErrKey,
				bits, rsaBits)
		}
		public.Value = base64.StdEncoding.EncodeToString(block.Bytes)
	case ed25519.PublicKey:
		if key.Kind != Ed25519 {
			return PublicKey{}, fmt.Errorf("%w: it is ed25519, not %s", ErrKey, key.Kind)
		}
		public.Value = base64.StdEncoding.EncodeToString(parsed)
	default:
		return PublicKey{}, fmt.Errorf("%w: it is neither RSA nor ed25519", ErrKey)
	}
	return public, nil
}

// matches says how a published record differs from this key. It returns nothing if the record has
// the key.
func (k PublicKey) matches(text string) string {
	tags, err := parseTags(text)
	if err != nil {
		return "is not a DKIM record: " + err.Error()
	}
	kind, value := tags.get("k"), strings.Join(strings.Fields(tags.get("p")), "")
	switch {
	case tags.has("v") && (tags.get("v") != "DKIM1" || tags[0].name != "v"):
		return "is not a DKIM record: it does not begin with v=DKIM1"
	case !tags.has("p"):
		return "is not a DKIM record: it has no key (p)"
	case value == "":
		return "says that its key is revoked"
	case kind != string(k.Kind) && !(kind == "" && k.Kind == RSA):
		return fmt.Sprintf("is of another kind of key (%s)", shorten(kind))
	case value != k.Value:
		return "has another key"
	}
	return ""
}

// publishedKey returns the key of a record that is to be published.
func publishedKey(text string) (PublicKey, bool) {
	tags, err := parseTags(text)
	if err != nil || tags.get("p") == "" {
		return PublicKey{}, false
	}
	return PublicKey{Kind: KeyKind(tags.get("k")), Value: tags.get("p")}, true
}
