package entra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abs "github.com/microsoft/kiota-abstractions-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"

	"github.com/rollcallhq/rollcall/connectors"
)

// client carries requests to Graph through the vendor's SDK. It takes bodies as bytes, because the SDK's models have no agent
// types, lose null, and drop unknown enum members; and it does not use the SDK's retries, because the runner retries.
type client struct {
	base     *url.URL // with the version: https://graph.microsoft.com/v1.0
	adapter  *core.GraphRequestAdapterBase
	now      func() time.Time
	pageSize int // 0: each list's maximum
	scrub    scrubber
	names    names
	family   *family
	natives  sync.Map // what sort of person an id is of, as far as this process has read it
}

// call is one request: GET, or with a body POST, unless patch says PATCH.
type call struct {
	url      string
	body     []byte
	patch    bool
	need     string // the permission that it takes, for the cure
	followed bool   // the url is a link that Graph gave us: a refusal means that it expired
	optional bool   // of beta: a refusal of what is asked says that this Graph does not have it
	low      bool   // a background read, which Graph may throttle first
	delta    bool   // the page size goes into a header
}

// answer is what came back, whatever its status.
type answer struct {
	status int
	header http.Header
	body   []byte
	asked  time.Time // when the request began
	place  string    // method and path, for errors
}

func newClient(s connectors.Settings, base *url.URL, credential azcore.TokenCredential) (*client, error) {
	auth, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(
		credential, []string{tokenScope(s, base)}, []string{base.Hostname()})
	if err != nil {
		return nil, fmt.Errorf("entra: endpoint: %w", err)
	}
	httpClient := &http.Client{Transport: s.Transport, CheckRedirect: noRedirects}
	adapter, err := core.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		auth, core.GraphClientOptions{}, nil, nil, httpClient)
	if err != nil {
		return nil, fmt.Errorf("entra: %w", err)
	}
	return &client{base: base, adapter: adapter, now: s.Clock(), scrub: newScrubber(s.Auth, s.Hook.Secret), names: names{known: map[string]named{}}, family: newFamily()}, nil
}

// graphBase is the base URL of Graph with its version.
func graphBase(s connectors.Settings) (*url.URL, error) {
	setting, text := "services."+serviceGraph, s.Services[serviceGraph]
	if text == "" {
		setting, text = "endpoint", s.Endpoint
	}
	if text == "" {
		text = graphEndpoint
	}
	for name := range s.Services {
		if name != serviceGraph && name != serviceLogin {
			return nil, fmt.Errorf("entra: services.%s is unknown: use %s or %s", name, serviceGraph, serviceLogin)
		}
	}
	u, err := baseURL(setting, text)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(u.Path, "/v1.0") {
		u.Path += "/v1.0"
	}
	return u, nil
}

// baseURL reads a base URL: https, or http where nobody is listening in.
func baseURL(setting, text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("entra: %s is no base URL: write it like %s", setting, graphEndpoint)
	case u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("entra: %s has the scheme %q: use https (http only on localhost, 127.0.0.1 or ::1), "+
		"so that no token travels in the clear", setting, u.Scheme)
}

// loopback names the hosts to which the SDK sends a token over http.
func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// url is the address of a path below the version, such as "/users/delta?$select=id".
func (c *client) url(path string) string { return c.base.String() + path }

// betaURL is the address of a path below Graph's beta version, at the same endpoint.
func (c *client) betaURL(path string) string {
	return strings.TrimSuffix(c.base.String(), "/v1.0") + "/beta" + path
}

// escaped is the value of a query parameter, with spaces as Graph's own links write them.
func escaped(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// top is the size of a list's pages: its maximum, unless the option wants less.
func (c *client) top(most int) int {
	if c.pageSize > 0 {
		return min(most, c.pageSize)
	}
	return most
}

// get sends a call and checks that it was answered well.
func (c *client) get(ctx context.Context, r call) (answer, error) {
	a, err := c.send(ctx, r)
	if err != nil {
		return answer{}, err
	}
	return a, c.check(a, r)
}

// send sends a call once. Any answer is an answer; an error means that there was none.
func (c *client) send(ctx context.Context, r call) (answer, error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return answer{}, errors.New("entra: an address that is no URL")
	}
	info := c.information(r, *u)
	a := answer{asked: c.now(), place: info.Method.String() + " " + u.Path}
	handler := abs.NewRequestHandlerOption()
	handler.SetResponseHandler(func(response any, _ abs.ErrorMappings) (any, error) {
		return nil, a.read(response.(*http.Response))
	})
	info.AddRequestOptions([]abs.RequestOption{handler})
	if err := c.adapter.SendNoContent(ctx, info, nil); err != nil {
		return answer{}, fmt.Errorf("%s: %w", a.place, bare(err))
	}
	return a, nil
}

func (c *client) information(r call, u url.URL) *abs.RequestInformation {
	info := abs.NewRequestInformation()
	info.Method = abs.GET
	info.SetUri(u)
	info.Headers.Add("Accept", "application/json")
	info.Headers.Add("User-Agent", "rollcall")
	if r.low {
		info.Headers.Add("x-ms-throttle-priority", "Low")
	}
	if r.delta && c.pageSize > 0 {
		info.Headers.Add("Prefer", "odata.maxpagesize="+strconv.Itoa(c.pageSize))
	}
	if r.body != nil {
		info.Method = abs.POST
		if r.patch {
			info.Method = abs.PATCH
		}
		info.SetStreamContentAndContentType(r.body, "application/json")
		info.Headers.Add("Content-Length", strconv.Itoa(len(r.body)))
	}
	return info
}

func (a *answer) read(r *http.Response) error {
	defer r.Body.Close()
	a.status, a.header = r.StatusCode, r.Header
	var err error
	if a.body, err = io.ReadAll(r.Body); err != nil {
		return fmt.Errorf("status %d, but the body broke off after %d bytes: %w", r.StatusCode, len(a.body), err)
	}
	return nil
}

// bare takes the URL out of an error of net/http: its query holds Graph's tokens for pages.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
