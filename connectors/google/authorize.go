package google

import (
	"context"
	"net/http"

	"cloud.google.com/go/auth"
)

// authorized is a transport whose requests carry the token of credentials. Google's own (google.golang.org/api/transport/http) does the
// same where there are no client certificates, but links gRPC, telemetry and S2A into the program: 12 MB that would never run.
type authorized struct {
	base  http.RoundTripper
	creds *auth.Credentials
	quota string // the project that calls are charged to; empty: the credentials' own
}

// authorize makes a client that calls as creds. Calls are charged to the project quota or, where it is empty, to the one that the
// credentials name, if they name one.
func authorize(base http.RoundTripper, creds *auth.Credentials, quota string) (*http.Client, error) {
	if quota == "" {
		var err error
		if quota, err = creds.QuotaProjectID(context.Background()); err != nil {
			return nil, err
		}
	}
	return &http.Client{Transport: &authorized{base: base, creds: creds, quota: quota}, CheckRedirect: stay}, nil
}

// stay follows no redirect: the credentials would go along.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// RoundTrip implements [http.RoundTripper]. An error of the credentials is returned as it is.
func (t *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := t.creds.Token(r.Context())
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	kind := token.Type
	if kind == "" {
		kind = "Bearer"
	}
	r.Header.Set("Authorization", kind+" "+token.Value)
	r.Header.Set("User-Agent", userAgent)
	if t.quota != "" {
		r.Header.Set("X-Goog-User-Project", t.quota)
	}
	return t.base.RoundTrip(r)
}
