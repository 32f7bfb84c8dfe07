package onboarding

import (
	"context"
	"crypto/hmac"
)

// Platform is what a request is checked against: the authoritative database.
type Platform interface {
	// Tenant returns the Person with this slug, nil if there is none.
	Tenant(ctx context.Context, slug string) (*Tenant, error)
	// Org returns the Org with this slug, nil if there is none.
	Org(ctx context.Context, slug string) (*Org, error)
	// Orgs returns Orgs whose slug or name holds the text, by name.
	Orgs(ctx context.Context, text string, limit int) ([]Org, error)
	// EmailTaken returns the slug of the Person who has the address, empty if nobody has.
	EmailTaken(ctx context.Context, email string) (string, error)
}

// Tenant is a Person's row on the platform.
type Tenant struct {
	ID          string
	Slug        string
	Email       string
	DisplayName string
}

// Repository is what domains are checked against: the platform's repository.
type Repository interface {
	// Deployed reports whether the domain has a folder in the repository.
	Deployed(ctx context.Context, domain string) (bool, error)
}

// Confirm is what has to confirm a vote beyond what the chat side says about who voted.
type Confirm string

// The ways to confirm a vote.
const (
	ConfirmNone Confirm = ""
	ConfirmTOTP Confirm = "totp" // a code from an authenticator app (RFC 6238)
)

// Signer signs requests and votes under a key that the bot's database does not have, so that
// whoever can write to the database can neither vote nor make somebody else the requester.
type Signer interface {
	// SignRun returns the signature of who requested a run, nil if nothing is signed.
	SignRun(run *Run) []byte
	// VerifyRun returns what is wrong with the signature of a run, nil if nothing is signed.
	VerifyRun(run *Run) error
	// SignValues returns the signature of a row by its values, of which the first says what it is.
	// It returns nil if nothing is signed.
	SignValues(values ...any) []byte
	// SignView signs the fingerprint of what a form showed, so that whoever can write to the
	// database cannot make one. The first byte stays. It returns the fingerprint as it is if
	// nothing is signed.
	SignView(id string, shown []byte) []byte
	// Sign returns the signature of a vote on an approval, nil if nothing is signed.
	Sign(approval *Approval, vote Vote) []byte
	// Verify returns what is wrong with the signature of a vote, to follow "the vote of somebody".
	// It returns nil if nothing is signed.
	Verify(approval *Approval, vote Vote) error
}

// Signed reports whether a signature is that of some values, as it is for any where nothing is
// signed.
func Signed(signer Signer, signature []byte, values []any) bool {
	want := signer.SignValues(values...)
	return want == nil || hmac.Equal(signature, want)
}

// SecondFactor confirms who votes, and signs what they voted.
type SecondFactor interface {
	Signer
	// Ready returns a [CodeError] if an operator cannot give codes.
	Ready(ctx context.Context, operator string) error
	// Confirm uses up a code of an operator. It returns a [CodeError] if the code does not count.
	Confirm(ctx context.Context, operator, code string) error
}

// NoSecondFactor signs nothing, and accepts no code.
type NoSecondFactor struct{}

var _ SecondFactor = NoSecondFactor{}

// SignRun implements [Signer].
func (NoSecondFactor) SignRun(*Run) []byte { return nil }

// VerifyRun implements [Signer].
func (NoSecondFactor) VerifyRun(*Run) error { return nil }

// SignValues implements [Signer].
func (NoSecondFactor) SignValues(...any) []byte { return nil }

// SignView implements [Signer].
func (NoSecondFactor) SignView(_ string, shown []byte) []byte { return shown }

// Sign implements [Signer].
func (NoSecondFactor) Sign(*Approval, Vote) []byte { return nil }

// Verify implements [Signer].
func (NoSecondFactor) Verify(*Approval, Vote) error { return nil }

// Ready implements [SecondFactor].
func (NoSecondFactor) Ready(_ context.Context, operator string) error {
	return &CodeError{Operator: operator, Reason: CodeNotEnrolled}
}

// Confirm implements [SecondFactor].
func (f NoSecondFactor) Confirm(ctx context.Context, operator, _ string) error {
	return f.Ready(ctx, operator)
}
