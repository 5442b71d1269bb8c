package okta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxBody bounds one answer, in bytes.
const maxBody = 64 << 20

// mend is the RoundTripper between SDK v2 and the connection's transport. It mends what the SDK does wrong:
//
//   - the SDK's token calls put the assertion into the URL, know no single flight and keep a refused token: mend sets the
//     Authorization header from a source of its own and renews a refused token once;
//   - a 429 comes back without status and headers, and a 401 or 403 without its code: mend notes the whole exchange;
//   - a body that the SDK does not close leaks its connection: mend reads it to the end and hands on a copy in memory;
//   - an EOF is retried at once, without end: mend says the same in an error that is not io.EOF;
//   - Link headers are misread (folded lines, the request's own query merged in, a panic on a bad URL): mend keeps them from
//     the SDK, and links.go reads them from the exchange.
type mend struct {
	next http.RoundTripper
	auth authorizer
}

// exchange notes what came back for the request of a context.
type exchange struct {
	status int
	header http.Header
	body   []byte
	token  string // the last one sent
	err    error  // nil when an answer came whole
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// RoundTrip sends one request with the connection's credentials and notes the exchange in its context.
func (m *mend) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		x = &exchange{}
	}
	resp, body, err := m.authorized(req, x)
	if x.err = err; err == nil {
		x.status, x.header, x.body = resp.StatusCode, resp.Header, body
	}
	if err != nil {
		return nil, err
	}
	return copyFor(resp, body), nil
}

// authorized sends the request; one that is refused for its token is sent once more with a new one.
func (m *mend) authorized(req *http.Request, x *exchange) (*http.Response, []byte, error) {
	token, err := m.auth.token(req.Context())
	if err != nil {
		return nil, nil, notEOF(err)
	}
	x.token = token
	resp, body, err := m.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || errorCode(body) == codeNotEnabled ||
		!m.auth.refused(req.Context(), token) {
		return resp, body, err
	}
	if token, err = m.auth.token(req.Context()); err != nil {
		return nil, nil, notEOF(err)
	}
	x.token = token
	return m.send(req, token)
}

// send makes one request, or two when the vendor wants a nonce in the proof of possession.
func (m *mend) send(req *http.Request, token string) (*http.Response, []byte, error) {
	resp, body, err := m.sendOnce(req, token)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && m.auth.again(resp) {
		return m.sendOnce(req, token)
	}
	return resp, body, err
}

func (m *mend) sendOnce(req *http.Request, token string) (*http.Response, []byte, error) {
	req = req.Clone(req.Context())
	if err := m.auth.sign(req, token); err != nil {
		return nil, nil, err
	}
	resp, err := m.next.RoundTrip(req)
	if err != nil {
		return nil, nil, notEOF(err)
	}
	body, err := readBody(resp, maxBody)
	if err != nil {
		return nil, nil, notEOF(err)
	}
	return resp, body, nil
}

// readBody reads an answer to its end and closes it, so that its connection can be used again.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("the answer with status %d broke off after %d bytes: %w", resp.StatusCode, len(b), err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("the answer with status %d has more than %d bytes; lower page_size", resp.StatusCode, limit)
	}
	return b, nil
}

// notEOF keeps the SDK from taking err for one that it retries without a pause and without an end.
func notEOF(err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	return errors.New("the connection was closed before an answer came (" + err.Error() + ")")
}

// copyFor is the answer for the SDK, in memory: without Link headers, which it misreads.
func copyFor(resp *http.Response, body []byte) *http.Response {
	c := *resp
	c.Header = resp.Header.Clone()
	c.Header.Del("Link")
	c.Body = io.NopCloser(bytes.NewReader(body))
	c.ContentLength = int64(len(body))
	return &c
}
