package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding"
)

// Assets keeps the contents of files that belong to requests, by their SHA-256 in lower-case
// hexadecimal.
type Assets struct{ pool *pgxpool.Pool }

// NewAssets returns the assets in the bot's own database, whose connections must have its schema
// as their search path.
func NewAssets(pool *pgxpool.Pool) *Assets { return &Assets{pool: pool} }

const (
	insertAsset = `INSERT INTO assets (digest, content) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectAsset = `SELECT content FROM assets WHERE digest = $1`
)

// Keep keeps a content and returns its digest.
func (a *Assets) Keep(ctx context.Context, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	if _, err := a.pool.Exec(ctx, insertAsset, digest, content); err != nil {
		return "", fmt.Errorf("asset %s: %w", digest, err)
	}
	return digest, nil
}

// Get returns a content. It returns [onboarding.ErrNotFound] when there is none of that digest.
func (a *Assets) Get(ctx context.Context, digest string) ([]byte, error) {
	var content []byte
	err := a.pool.QueryRow(ctx, selectAsset, digest).Scan(&content)
	if errors.Is(err, pgx.ErrNoRows) {
		err = onboarding.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("asset %s: %w", digest, err)
	}
	return content, nil
}
