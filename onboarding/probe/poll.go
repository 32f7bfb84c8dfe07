package probe

import (
	"context"
	"net/http"
	"time"

	"github.com/sethvargo/go-retry"
)

// ReloadTime is how long nginx may go on answering with its previous configuration after it was
// told to reload: the command returns before the new workers take over.
const ReloadTime = time.Second

// pollInterval is the pause between two checks of [PollUntil].
const pollInterval = 10 * time.Millisecond

// PollUntil calls check until it returns nil, the deadline passes or ctx is done, at least once
// unless ctx is done before. It returns the last error of check.
func PollUntil(ctx context.Context, deadline time.Time, check func() error) error {
	var last error
	backoff := retry.WithMaxDuration(time.Until(deadline), retry.NewConstant(pollInterval))
	err := retry.Do(ctx, backoff, func(context.Context) error {
		last = check()
		return retry.RetryableError(last)
	})
	if last != nil {
		return last
	}
	return err
}

// AsksForPassword reports whether the site is up and wants a password (RFC 9110 §11.6.1).
func (r Response) AsksForPassword() bool {
	return r.Status == http.StatusUnauthorized && r.Header.Get("WWW-Authenticate") != ""
}

// Up reports whether the status is what a site that is up answers: a page, or a permanent redirect
// to one.
func (r Response) Up() bool {
	return r.Status == http.StatusOK || r.Status == http.StatusMovedPermanently ||
		r.Status == http.StatusPermanentRedirect
}
