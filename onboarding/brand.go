package onboarding

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding/brand"
)

// Brand is how the sites of an Org look. The logo's content is kept apart, see [Assets].
type Brand struct {
	Copy    string        `json:"copy,omitempty"`
	Palette brand.Palette `json:"palette"`
	// Logo is the digest of the logo's content, empty where there is none.
	Logo string `json:"logo,omitempty"`
}

// check says what is wrong with a brand, as a sentence, or nothing. Copy, palette and logo were checked where they were
// entered, each at its own field.
func (b *Brand) check(mode Mode) string {
	if mode != ModeOwner {
		return "Only a Provider who owns an Org has a brand: leave it out, or choose " + ModeOwner.String() + "."
	}
	_, problem := brand.CheckCopy(b.Copy)
	return problem
}

// Assets keeps the contents of files that belong to requests, by their SHA-256 in lower-case hexadecimal.
type Assets struct{ pool *pgxpool.Pool }

// NewAssets returns the assets in the bot's own database, whose connections must have its schema as their search path.
func NewAssets(pool *pgxpool.Pool) *Assets { return &Assets{pool: pool} }

// Keep keeps a content and returns its digest.
func (a *Assets) Keep(ctx context.Context, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	if _, err := a.pool.Exec(ctx, `INSERT INTO assets (digest, content) VALUES ($1, $2) ON CONFLICT DO NOTHING`, digest, content); err != nil {
		return "", fmt.Errorf("asset %s: %w", digest, err)
	}
	return digest, nil
}

// Get returns a content. It returns [ErrNotFound].
func (a *Assets) Get(ctx context.Context, digest string) ([]byte, error) {
	var content []byte
	err := a.pool.QueryRow(ctx, `SELECT content FROM assets WHERE digest = $1`, digest).Scan(&content)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("asset %s: %w", digest, err)
	}
	return content, nil
}
