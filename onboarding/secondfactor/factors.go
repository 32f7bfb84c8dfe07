package secondfactor

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

const (
	// maxTries is how many wrong codes in a row lock somebody out.
	maxTries = 5
	// period is how long a code is valid, in seconds. One before and one after count too, for
	// clocks that differ (RFC 6238 §5.2).
	period = 30
)

var inBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// Factors are the operators' apps.
type Factors struct {
	*key
	rows *store.SecondFactors
	now  func() time.Time

	mu sync.Mutex
	// seen is what this process knows of each generation. Whoever writes to the database cannot
	// take back tries and used codes here.
	seen map[string]*seen
}

type seen struct {
	failures int
	last     int64
}

var _ onboarding.SecondFactor = (*Factors)(nil)

// New returns the apps in the bot's own database, whose connections have its schema as their
// search path. Without a key nothing is signed and no code counts.
func New(pool *pgxpool.Pool, config Config) (onboarding.SecondFactor, error) {
	if config.Key.IsZero() {
		return onboarding.NoSecondFactor{}, nil
	}
	return Open(pool, config)
}

// Open is [New] for those who enrol. It fails without a key.
func Open(pool *pgxpool.Pool, config Config) (*Factors, error) {
	key, err := newKey(config.Key)
	if err != nil {
		return nil, fmt.Errorf("second_factor.key: %w", err)
	}
	return &Factors{key: key, rows: store.NewSecondFactors(pool), now: time.Now, seen: map[string]*seen{}}, nil
}

// Ready implements [onboarding.SecondFactor].
func (f *Factors) Ready(ctx context.Context, operator string) error {
	row, app, err := f.load(ctx, operator)
	if err != nil {
		return err
	}
	if max(row.Failures, f.known(app).failures) >= maxTries {
		return &onboarding.CodeError{Operator: operator, Reason: onboarding.CodeLocked}
	}
	return nil
}

// Confirm implements [onboarding.SecondFactor]. A try is counted before the code is compared, in
// the database and in this process.
func (f *Factors) Confirm(ctx context.Context, operator, code string) error {
	row, app, err := f.load(ctx, operator)
	if err != nil {
		return err
	}
	stored, err := f.rows.Try(ctx, operator, maxTries)
	if err != nil {
		return err
	}
	known := f.try(app)
	failures, last := max(stored, known.failures), max(row.LastCounter, known.last)
	// Of tries at the same time, the one that is the last in the database may not be the last
	// here.
	justLocked := stored == maxTries || known.failures == maxTries
	if failures > maxTries {
		return &onboarding.CodeError{Operator: operator, Reason: onboarding.CodeLocked, JustLocked: justLocked}
	}
	counter, right := f.match(app, code, last)
	if right {
		if right, err = f.rows.Use(ctx, operator, counter); err != nil {
			return err
		}
	}
	if !right {
		wrong := &onboarding.CodeError{Operator: operator, Reason: onboarding.CodeWrong, Left: maxTries - failures}
		if wrong.Left == 0 {
			wrong.Reason, wrong.JustLocked = onboarding.CodeLocked, justLocked
		}
		return wrong
	}
	f.used(app, counter)
	return nil
}

// match returns the newest counter of which this is the code (RFC 6238 §4.2), among those that
// have not been used.
func (f *Factors) match(app enrolled, code string, last int64) (counter int64, right bool) {
	code = strings.Join(strings.Fields(code), "")
	now := f.now().Unix() / period
	for _, counter := range []int64{now + 1, now, now - 1} {
		want, err := hotp.GenerateCodeCustom(inBase32.EncodeToString(app.Secret),
			uint64(counter), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && counter > last && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return counter, true
		}
	}
	return 0, false
}

func (f *Factors) load(ctx context.Context, operator string) (*store.SecondFactorRow, enrolled, error) {
	row, err := f.rows.Get(ctx, operator)
	if err != nil {
		return nil, enrolled{}, err
	}
	if row == nil {
		return nil, enrolled{}, &onboarding.CodeError{Operator: operator, Reason: onboarding.CodeNotEnrolled}
	}
	app, err := f.decrypt(operator, row.Sealed)
	return row, app, err
}

func (f *Factors) known(app enrolled) seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.seen[string(app.Generation)]; known != nil {
		return *known
	}
	return seen{}
}

// try counts a try in this process, and returns what it knows then.
func (f *Factors) try(app enrolled) seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.seen[string(app.Generation)]
	if known == nil {
		known = new(seen)
		f.seen[string(app.Generation)] = known
	}
	known.failures++
	return *known
}

func (f *Factors) used(app enrolled, counter int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.seen[string(app.Generation)]
	known.failures, known.last = 0, max(known.last, counter)
}

// Enroll gives an operator a new app in place of the one before, and returns what the app scans
// (https://github.com/google/google-authenticator/wiki/Key-Uri-Format).
func (f *Factors) Enroll(ctx context.Context, operator, issuer string) (address string, err error) {
	made, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: operator, Period: period,
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1, SecretSize: 20, Rand: rand.Reader})
	if err != nil {
		return "", err
	}
	secret, err := inBase32.DecodeString(made.Secret())
	if err != nil {
		return "", err
	}
	return made.URL(), f.save(ctx, operator, newEnrolled(secret))
}

// Unlock lets an operator try again with the app that they have. It returns
// [onboarding.ErrNotFound].
func (f *Factors) Unlock(ctx context.Context, operator string) error {
	_, app, err := f.load(ctx, operator)
	if _, missing := errors.AsType[*onboarding.CodeError](err); missing {
		return fmt.Errorf("second factor of %s: %w", operator, onboarding.ErrNotFound)
	}
	if err != nil {
		return err
	}
	return f.save(ctx, operator, newEnrolled(app.Secret))
}

// Remove takes an operator's app away. It returns [onboarding.ErrNotFound].
func (f *Factors) Remove(ctx context.Context, operator string) error {
	return f.rows.Delete(ctx, operator)
}

func (f *Factors) save(ctx context.Context, operator string, app enrolled) error {
	sealed, err := f.encrypt(operator, app)
	if err != nil {
		return err
	}
	return f.rows.Save(ctx, operator, sealed)
}
