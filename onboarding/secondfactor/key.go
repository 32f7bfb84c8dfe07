// Package secondfactor confirms who votes with codes of authenticator apps (RFC 6238), and signs
// votes. Both rest on one key that is not in the bot's database: with it, whoever holds somebody's
// Slack session, the bot's tokens and write access to the database cannot have a change applied.
//
// The key encrypts the secrets of the apps, each bound to its operator, and signs each vote
// together with what it was given on. The engine's gate verifies the signatures.
package secondfactor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
)

// Config has the key.
type Config struct {
	// Key is at least 32 random bytes in base64: openssl rand -base64 32. Without it votes are not
	// signed, and no rule can ask for codes.
	Key secret.String `yaml:"key"`
}

// Validate reports a key that is not one.
func (c Config) Validate() error {
	if c.Key.IsZero() {
		return nil
	}
	if _, err := newKey(c.Key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	return nil
}

// key has a key for each purpose (RFC 5869).
type key struct {
	votes []byte
	seal  cipher.AEAD
}

const leastKey = 32 // bytes

func newKey(text secret.String) (*key, error) {
	master, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text.Reveal()))
	if err != nil || len(master) < leastKey {
		return nil, fmt.Errorf("is not %[1]d random bytes in base64; make one: openssl rand -base64 %[1]d", leastKey)
	}
	k := new(key)
	if k.votes, err = hkdf.Key(sha256.New, master, nil, "onboardbot votes", leastKey); err != nil {
		return nil, err
	}
	secrets, err := hkdf.Key(sha256.New, master, nil, "onboardbot second factors", leastKey)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secrets)
	if err != nil {
		return nil, err
	}
	k.seal, err = cipher.NewGCMWithRandomNonce(block)
	return k, err
}

// Sign returns the signature of a vote (HMAC-SHA-256): of what was agreed to, by whom, when and
// how, and until when it counts.
func (k *key) Sign(approval *onboarding.Approval, vote onboarding.Vote) []byte {
	signed := []any{"vote", 1, approval.ID, approval.RunID, approval.Step, approval.Digest,
		approval.Needs, approval.Expires.UnixMicro(), vote.By.ID, vote.Agrees, vote.BrokeGlass, vote.Confirmed,
		vote.Source, vote.Reason, vote.At.UnixMicro()}
	if !vote.NotBefore.IsZero() { // votes that were signed before there were windows stay valid
		signed = append(signed, vote.NotBefore.UnixMicro())
	}
	return k.SignValues(signed...)
}

// SignValues implements [onboarding.Signer] (HMAC-SHA-256).
func (k *key) SignValues(values ...any) []byte {
	form, err := json.Marshal(values)
	if err != nil {
		panic(err) // texts, numbers and ids always encode
	}
	mac := hmac.New(sha256.New, k.votes)
	mac.Write(form)
	return mac.Sum(nil)
}

// SignRun returns the signature of a run (HMAC-SHA-256): of who requested it.
func (k *key) SignRun(run *onboarding.Run) []byte {
	return k.SignValues("run", 1, run.ID, run.Kind, run.Requester.ID)
}

// VerifyRun returns an error unless the run has the signature that [key.SignRun] gave it.
func (k *key) VerifyRun(run *onboarding.Run) error {
	if !hmac.Equal(run.Signature, k.SignRun(run)) {
		return errUnsignedRun
	}
	return nil
}

// SignView implements [onboarding.Signer].
func (k *key) SignView(id string, shown []byte) []byte {
	if len(shown) == 0 {
		return nil
	}
	return append(shown[:1:1], k.SignValues("view", 1, id, shown)...)
}

var (
	errUnsigned    = errors.New("is not signed by the bot, so somebody may have written it into the database")
	errUnsignedRun = errors.New("the bot did not sign who requested this run: it began before second_factor.key was " +
		"set, or somebody wrote into the database. Cancel the run, and ask for it again")
)

// Verify returns an error unless the vote has the signature that [key.Sign] gave it.
func (k *key) Verify(approval *onboarding.Approval, vote onboarding.Vote) error {
	if !hmac.Equal(vote.Signature, k.Sign(approval, vote)) {
		return errUnsigned
	}
	return nil
}

// enrolled is an operator's app.
type enrolled struct {
	Secret []byte `json:"secret"`
	// Generation is new with each enrolment and each unlock. Failures and used codes belong to
	// one.
	Generation []byte `json:"generation"`
}

func newEnrolled(secret []byte) enrolled {
	e := enrolled{Secret: secret, Generation: make([]byte, 16)}
	_, _ = rand.Read(e.Generation) // never fails (crypto/rand)
	return e
}

// encrypt binds the app to its operator: another row does not decrypt it.
func (k *key) encrypt(operator string, e enrolled) ([]byte, error) {
	plain, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return k.seal.Seal(nil, nil, plain, []byte(operator)), nil
}

func (k *key) decrypt(operator string, sealed []byte) (e enrolled, err error) {
	plain, err := k.seal.Open(nil, nil, sealed, []byte(operator))
	if err == nil {
		err = json.Unmarshal(plain, &e)
	}
	if err != nil {
		return e, fmt.Errorf("the second factor of %s was encrypted with another key, or for somebody else: %w",
			operator, err)
	}
	return e, nil
}
