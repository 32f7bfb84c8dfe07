package webapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// maxCaptured bounds an answer that is kept. Slack's largest views have 250 KB.
const maxCaptured = 4 << 20

var errLongAnswer = errors.New("slack's answer is too long")

type captureKey struct{}

// Captured is the body of the last answer to calls that were made with a context of [Capture].
type Captured struct{ Body []byte }

// Capture returns a context whose calls keep Slack's answer as it came: slack-go decodes only a
// part of it. The calls must use a [CapturingTransport], and be made one after the other.
func Capture(ctx context.Context) (context.Context, *Captured) {
	captured := new(Captured)
	return context.WithValue(ctx, captureKey{}, captured), captured
}

// CapturingTransport keeps the answers to calls that were made with a context of [Capture].
type CapturingTransport struct{ Next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t CapturingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := t.Next.RoundTrip(request)
	captured, wanted := request.Context().Value(captureKey{}).(*Captured)
	if err != nil || !wanted {
		return answer, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxCaptured+1))
	if err == nil && len(body) > maxCaptured {
		err = errLongAnswer
	}
	if err != nil {
		return nil, err
	}
	captured.Body, answer.Body = body, io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
