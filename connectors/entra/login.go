package entra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcallhq/rollcall/connectors"
)

// credential gets tokens from azidentity and turns its failures into faults. The library's own errors run over twenty lines and
// quote the whole answer.
type credential struct {
	inner azcore.TokenCredential
	file  string // the workload identity's token file, if one was configured
	scrub scrubber
}

// GetToken returns a token, cached by the library until shortly before it expires.
func (c credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.inner.GetToken(ctx, o)
	if err == nil {
		return token, nil
	}
	if f := connectors.AsFault(err); f != nil || ctx.Err() != nil {
		return token, err
	}
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || failed.RawResponse == nil {
		return token, c.noAnswer(err)
	}
	return token, c.refused(failed.RawResponse)
}

// noAnswer is a login that nobody answered, as where a managed identity is not to be had.
func (c credential) noAnswer(err error) error {
	text := fmt.Errorf("login: %s", c.scrub.line(err.Error(), 300))
	if c.file == "" {
		return text
	}
	if _, missing := os.Stat(c.file); missing != nil {
		return &connectors.Fault{Kind: connectors.Unauthorized, Err: text, Cure: "correct auth.token_file, or mount the token there"}
	}
	return text
}

// refused reads the answer of the token endpoint: {"error": "invalid_client", "error_description": "AADSTS7000215: ..."}.
func (c credential) refused(r *http.Response) error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	raw, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	_ = decode(raw, &body) // what is no JSON leaves the status to speak
	err := fmt.Errorf("login: status %d, %s", r.StatusCode, c.scrub.line(body.Error+": "+body.Description, 300))
	switch {
	case r.StatusCode == http.StatusTooManyRequests:
		return &connectors.Fault{Kind: connectors.RateLimited, Err: err}
	case r.StatusCode >= 400 && r.StatusCode < 500 && body.Error != "":
		return &connectors.Fault{Kind: connectors.Unauthorized, Err: err, Cure: cureToken}
	}
	return err
}

// plainLogin lets the login go to an imitation on loopback over plain http, which azidentity does not allow: it is told https,
// here it becomes http again, and so do the addresses in the authority's description of itself.
type plainLogin struct {
	client *http.Client
	host   string
}

// Do sends one request.
func (p plainLogin) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Host != p.host {
		return p.client.Do(r)
	}
	r = r.Clone(r.Context())
	r.URL.Scheme = "http"
	resp, err := p.client.Do(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		return resp, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	raw = bytes.ReplaceAll(raw, []byte("http://"+p.host), []byte("https://"+p.host))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	resp.Header.Set("Content-Length", strconv.Itoa(len(raw)))
	return resp, nil
}
