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
	"google.golang.org/api/googleapi"

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

// sdk is Google's SDK with the connection's credentials: its authenticated HTTP client. The packages of the services only spell requests
// and decode answers that are kept as they come; those of aiplatform and discoveryengine take a minute and a gigabyte to compile, and the
// light ones would make the program some 7 MB larger. Each request is held to their discovery documents by a test instead.
type sdk struct {
	http      *http.Client
	endpoints map[string]string // base URLs by service
}

// get asks version 1 of a service.
func (s *sdk) get(ctx context.Context, service, path string, q url.Values) error {
	return s.call(ctx, http.MethodGet, service, path, q, nil)
}

// call calls version 1 of a service. ask is the body, as JSON; nil: none.
func (s *sdk) call(ctx context.Context, method, service, path string, q url.Values, ask any) error {
	return plain(ctx, s.http, method, s.endpoints[service]+"/v1/"+path, q, ask)
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
	h, err := authorize(&catcher{c.base}, creds, c.quotaProject)
	if err != nil {
		return nil, c.loginFault(err)
	}
	c.sdk = &sdk{http: h, endpoints: c.endpoints}
	return c.sdk, nil
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

// showDeleted asks a list for what is deleted and can be restored, too.
func showDeleted(q url.Values) url.Values {
	q.Set("showDeleted", "true")
	return q
}

// aiplatform asks for one page of a list through the SDK's HTTP client: path is what follows the location's base URL. A size of 0
// leaves the page's size to the vendor.
func (c *client) aiplatform(ctx context.Context, h *http.Client, location, path, token string, size int64) error {
	return plain(ctx, h, http.MethodGet, c.regional("aiplatform", location)+path, pageAsked(size, token), nil)
}

// regional is the base URL of a service at a location.
func (c *client) regional(service, location string) string {
	return strings.Replace(c.endpoints[service], "LOC-"+service, location+"-"+service, 1)
}

// plain makes a call through the SDK's HTTP client. ask is the body, as JSON; nil: none.
func plain(ctx context.Context, h *http.Client, method, to string, q url.Values, ask any) error {
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
