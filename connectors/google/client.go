package google

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"google.golang.org/api/agentidentity/v1"
	"google.golang.org/api/agentregistry/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"github.com/rollcallhq/rollcall/connectors"
)

// userAgent names the caller in Google's logs.
const userAgent = "rollcall"

// client makes a connection's calls through Google's SDK, on top of the connection's transport.
type client struct {
	options
	endpoints map[string]string
	method    string // of authentication
	login     login
	base      http.RoundTripper

	adminLogin login // in a Workspace administrator's name; nil: reports are not read
	now        func() time.Time

	dir     *directory
	book    *accountBook
	clients clientBook

	mu      sync.Mutex
	sdk     *sdk // made at the first call
	reports *sdk // of Workspace: an HTTP client alone, made at the first call
}

// sdk is Google's SDK with the connection's credentials: a service for each light package, and the authenticated HTTP client for the
// others. The packages of aiplatform and discoveryengine take a minute and a gigabyte to compile; those of logging, Pub/Sub, Cloud
// Run and the resource manager would make the program 5 MB larger, for a call or two of each.
type sdk struct {
	http     *http.Client
	iam      *iam.Service
	registry *agentregistry.APIService
	identity *agentidentity.Service
}

func newClient(s connectors.Settings, o options) (*client, error) {
	urls, err := endpoints(s)
	if err != nil {
		return nil, err
	}
	base := s.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	login, err := newLogin(s.Auth, base)
	if err != nil {
		return nil, err
	}
	c := &client{options: o, endpoints: urls, method: s.Auth["method"].Reveal(), login: login, base: base, now: s.Clock()}
	if o.workspace.admin != "" {
		c.adminLogin = newWorkspaceLogin(s.Auth, o.workspace, login, base)
	}
	c.dir = &directory{client: c}
	c.book = &accountBook{client: c, dir: c.dir}
	return c, nil
}

// connect makes the SDK's services, once.
func (c *client) connect() (*sdk, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sdk != nil {
		return c.sdk, nil
	}
	creds, err := c.login()
	if err != nil {
		return nil, c.loginFault(err)
	}
	opts := []option.ClientOption{option.WithAuthCredentials(creds), option.WithTelemetryDisabled(), option.WithUserAgent(userAgent)}
	if c.quotaProject != "" {
		opts = append(opts, option.WithQuotaProject(c.quotaProject))
	}
	rt, err := htransport.NewTransport(context.Background(), &catcher{c.base}, opts...)
	if err != nil {
		return nil, c.loginFault(err)
	}
	c.sdk, err = c.services(&http.Client{Transport: rt, CheckRedirect: stay})
	return c.sdk, err
}

// stay follows no redirect: the credentials would go along.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (c *client) services(h *http.Client) (*sdk, error) {
	with := func(service string) []option.ClientOption { // the SDK drops a base path that does not end in a slash
		return []option.ClientOption{option.WithHTTPClient(h), option.WithEndpoint(c.endpoints[service] + "/")}
	}
	ctx, s := context.Background(), &sdk{http: h}
	var err error
	if s.iam, err = iam.NewService(ctx, with("iam")...); err != nil {
		return nil, err
	}
	if s.registry, err = agentregistry.NewService(ctx, with("agentregistry")...); err != nil {
		return nil, err
	}
	if s.identity, err = agentidentity.NewService(ctx, with("agentidentity")...); err != nil {
		return nil, err
	}
	return s, nil
}

// fetch makes one call of the SDK and returns the answer with its body as it came. send gets a context to give to the call.
// Errors are a [*connectors.Fault] or transient, and name method, path and status.
func (c *client) fetch(ctx context.Context, send func(context.Context, *sdk) error) (*answer, error) {
	return c.fetchAs(ctx, c.connect, send)
}

// fetchAs is fetch with the credentials that connect makes.
func (c *client) fetchAs(ctx context.Context, connect func() (*sdk, error), send func(context.Context, *sdk) error) (*answer, error) {
	sdk, err := connect()
	if err != nil {
		return nil, err
	}
	ctx, a := catching(ctx)
	if err := send(ctx, sdk); a.status == 0 {
		return nil, c.noAnswer(a, err)
	}
	if a.status < 200 || a.status > 299 {
		return nil, c.refusal(a)
	}
	return a, nil
}

// pager is what the SDK's listing calls have in common.
type pager[C any] interface {
	PageSize(int64) C
	PageToken(string) C
}

// paged sets a call's page. A size of 0 leaves it to the vendor.
func paged[C pager[C]](call C, size int64, token string) C {
	if size > 0 {
		call = call.PageSize(size)
	}
	if token != "" {
		call = call.PageToken(token)
	}
	return call
}

// pageAsked is the query for one page. A size of 0 leaves it to the vendor.
func pageAsked(size int64, token string) url.Values {
	q := url.Values{}
	if size > 0 {
		q.Set("pageSize", strconv.FormatInt(size, 10))
	}
	if token != "" {
		q.Set("pageToken", token)
	}
	return q
}

// aiplatform asks for one page of a list through the SDK's HTTP client: path is what follows the location's base URL. A size of 0
// leaves the page's size to the vendor.
func (c *client) aiplatform(ctx context.Context, h *http.Client, location, path, token string, size int64) error {
	return c.plain(ctx, h, http.MethodGet, c.regional("aiplatform", location)+path, pageAsked(size, token), nil)
}

// regional is the base URL of a service at a location.
func (c *client) regional(service, location string) string {
	return strings.Replace(c.endpoints[service], "LOC-"+service, location+"-"+service, 1)
}

// plain makes a call through the SDK's HTTP client, for services whose package is too heavy. ask is the body, as JSON; nil: none.
func (c *client) plain(ctx context.Context, h *http.Client, method, to string, q url.Values, ask any) error {
	q.Set("alt", "json")
	q.Set("prettyPrint", "false")
	var body io.Reader
	if ask != nil {
		b, err := json.Marshal(ask)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, to+"?"+q.Encode(), body)
	if err != nil {
		return err
	}
	if ask != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := h.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return googleapi.CheckResponse(resp)
}
