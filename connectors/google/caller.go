package google

import (
	"context"
	"net/http"
	"sync"

	"cloud.google.com/go/auth"
)

// userAgent names the caller in Google's logs.
const userAgent = "rollcall"

// caller makes calls with credentials. Google's own transport (google.golang.org/api/transport/http) does the same where there are no
// client certificates, but links gRPC, telemetry and S2A into the program: 6 MB that would never run.
type caller struct {
	client *http.Client
	login  login  // called at the first call, and again until it succeeds
	quota  string // the project that calls are charged to; empty: the credentials' own, if they name one

	mu    sync.Mutex
	creds *auth.Credentials
}

// plainClient is a client on a transport that follows no redirect: the credentials would go along.
func plainClient(base http.RoundTripper) *http.Client {
	return &http.Client{Transport: base, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// sign lets a request carry the credentials' token, and returns it. An error of the credentials is returned as it is.
func (k *caller) sign(r *http.Request) (token string, err error) {
	creds, quota, err := k.credentials(r.Context())
	if err != nil {
		return "", err
	}
	t, err := creds.Token(r.Context())
	if err != nil {
		return "", err
	}
	kind := t.Type
	if kind == "" {
		kind = "Bearer"
	}
	r.Header.Set("Authorization", kind+" "+t.Value)
	r.Header.Set("User-Agent", userAgent)
	if quota != "" {
		r.Header.Set("X-Goog-User-Project", quota)
	}
	return t.Value, nil
}

func (k *caller) credentials(ctx context.Context) (*auth.Credentials, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.creds == nil {
		creds, err := k.login()
		if err != nil {
			return nil, "", err
		}
		if k.quota == "" {
			if k.quota, err = creds.QuotaProjectID(ctx); err != nil {
				return nil, "", err
			}
		}
		k.creds = creds
	}
	return k.creds, k.quota, nil
}
