package contract

import (
	"bytes"
	"io"
	"net/http"
)

// Exchange is one request and its answer, both read to the end.
type Exchange struct {
	Request *http.Request // its body is taken
	Sent    []byte        // the request's body
	Status  int
	Header  http.Header
	Body    []byte
}

// Watch is a transport that shows every exchange on its way, after the answer has come and before the client sees it.
type Watch struct {
	Next http.RoundTripper
	See  func(Exchange) // called by many at once
}

// RoundTrip sends the request and reads the answer to its end. An exchange that fails on the network is not shown.
func (w *Watch) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
		sent = b
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := w.Next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.See(Exchange{Request: r, Sent: sent, Status: resp.StatusCode, Header: resp.Header, Body: body})
	return resp, nil
}
