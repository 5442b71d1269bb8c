package google

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"github.com/go-json-experiment/json"
)

// Where tokens are made. They are no settings: whoever could change them would be sent credentials.
const (
	iamCredentials = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
	tokenEndpoint  = "https://oauth2.googleapis.com/token"
)

// impersonation are the credentials of another service account, for which source may make tokens, or, with a subject, of a person for
// whom that account may act, for which source may sign as the account.
func impersonation(account, subject, scope string, source login, base http.RoundTripper) login {
	return func() (*auth.Credentials, error) {
		i := &impersonator{by: caller{client: plainClient(base), login: source}, account: account, subject: subject, scope: scope}
		return auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: auth.NewCachedTokenProvider(i, nil)}), nil
	}
}

// impersonator makes tokens through the IAM credentials API. Google's own (auth/credentials/impersonate) links what its transport does.
type impersonator struct {
	by      caller // somebody who may make tokens of the account, or sign as it
	account string // e-mail
	subject string // e-mail of the person; empty: the account itself
	scope   string
}

// Token implements [auth.TokenProvider]. A refusal is an *[auth.Error].
func (i *impersonator) Token(ctx context.Context) (*auth.Token, error) {
	if i.subject != "" {
		return i.delegated(ctx)
	}
	var made struct {
		Token   string    `json:"accessToken"`
		Expires time.Time `json:"expireTime"`
	}
	if err := i.iamCall(ctx, "generateAccessToken", map[string]any{"scope": []string{i.scope}, "lifetime": "3600s"}, &made); err != nil {
		return nil, err
	}
	return fresh(made.Token, made.Expires)
}

// delegated has the account say, signed, that it acts for the person, and exchanges that for a token (RFC 7523).
func (i *impersonator) delegated(ctx context.Context) (*auth.Token, error) {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": i.account, "sub": i.subject, "scope": i.scope, "aud": tokenEndpoint, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	if err != nil {
		return nil, err
	}
	var signed struct {
		JWT string `json:"signedJwt"`
	}
	if err := i.iamCall(ctx, "signJwt", map[string]any{"payload": string(claims)}, &signed); err != nil {
		return nil, err
	}
	var made struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {signed.JWT}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, tokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := i.send(r, &made); err != nil {
		return nil, err
	}
	return fresh(made.Token, now.Add(time.Duration(made.Seconds)*time.Second))
}

// fresh is a token, if it is one that is good for a while: one that ends with no time given would be kept for ever.
func fresh(token string, expires time.Time) (*auth.Token, error) {
	if token == "" || !expires.After(time.Now()) {
		return nil, errors.New("the token service answers without a token, or with one that is no longer good")
	}
	return &auth.Token{Value: token, Expiry: expires}, nil
}

// iamCall calls a method of the IAM credentials API on the account, as who may.
func (i *impersonator) iamCall(ctx context.Context, method string, body, answer any) error {
	r, err := ask{method: http.MethodPost, to: iamCredentials + url.PathEscape(i.account) + ":" + method, body: body}.request(ctx)
	if err != nil {
		return err
	}
	if _, err := i.by.sign(r); err != nil {
		return err
	}
	return i.send(r, answer)
}

// tokenAnswer bounds what a token service may answer, in bytes.
const tokenAnswer = 1 << 20

func (i *impersonator) send(r *http.Request, answer any) error {
	resp, err := i.by.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, tokenAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return &auth.Error{Response: resp, Body: b}
	}
	if json.Unmarshal(b, answer) != nil { // the error is not shown: it may quote a token
		return fmt.Errorf("%s answers what is no token", r.URL.Host)
	}
	return nil
}
