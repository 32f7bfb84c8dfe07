package workspace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Remote is a workspace in another process, reached through its Control handler.
type Remote struct {
	base   string
	client *http.Client
}

// Dial returns a workspace whose Control handler is served at base, such as
// http://127.0.0.1:4001. Nothing is sent yet.
func Dial(base string) (*Remote, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("workspace control: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("workspace control: %q is no http URL", base)
	}
	return &Remote{base: strings.TrimSuffix(base, "/"), client: &http.Client{}}, nil
}

// Act implements Client.
func (r *Remote) Act(ctx context.Context, a Action) (out Outcome, err error) {
	err = r.call(ctx, http.MethodPost, "/act", a, &out)
	return out, err
}

// Look implements Client.
func (r *Remote) Look(ctx context.Context, user string, after uint64) (s Screen, err error) {
	q := url.Values{"user": {user}, "after": {strconv.FormatUint(after, 10)}}
	err = r.call(ctx, http.MethodGet, "/look?"+q.Encode(), nil, &s)
	return s, err
}

// Order implements Client.
func (r *Remote) Order(ctx context.Context, f Fault) error {
	return r.call(ctx, http.MethodPost, "/order", f, &struct{}{})
}

// Transcript implements Client.
func (r *Remote) Transcript(ctx context.Context, after int) (events []Event, err error) {
	err = r.call(ctx, http.MethodGet, "/events?after="+strconv.Itoa(after), nil, &events)
	return events, err
}

func (r *Remote) call(ctx context.Context, method, path string, body, into any) error {
	var sent io.Reader // None for GET: a server cannot notice that we left while a body is unread.
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("workspace control: %w", err)
		}
		sent = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, sent)
	if err != nil {
		return fmt.Errorf("workspace control: %w", err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("workspace control: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return fmt.Errorf("workspace control: %w", err)
	case res.StatusCode == http.StatusUnprocessableEntity:
		return cannot("%s", strings.TrimPrefix(strings.TrimSpace(string(answer)), ErrCannot.Error()+": "))
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("workspace control: %s: %s", res.Status, bytes.TrimSpace(answer))
	}
	return json.Unmarshal(answer, into)
}
