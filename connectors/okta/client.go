package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/okta/okta-sdk-golang/v2/okta"

	"github.com/rollcallhq/rollcall/connectors"
)

// The vendor's lists that the feeds read.
const (
	agentsPath      = "/workload-principals/api/v1/ai-agents"
	delegationsPath = "/workload-principals/api/v1/delegation-links"
	ownersPath      = "/governance/api/v1/resource-owners"
	appsPath        = "/api/v1/apps"
	clientsPath     = "/oauth2/v1/clients"
	tokensPath      = "/api/v1/api-tokens"
	usersPath       = "/api/v1/users"
	groupsPath      = "/api/v1/groups"
)

// client asks one org, through the vendor's SDK. SDK v2 is retired by its vendor and its models lose fields, so nothing of it
// is used but its request executor; the answer's bytes are taken below it (see mend). To replace it, replace [client.get].
type client struct {
	sdk  *okta.Client
	base *url.URL // scheme, host and perhaps a path, without a trailing slash
	page int      // how many items to ask of a list
	now  func() time.Time
	auth authorizer

	secrets bool // the ids and dates of client secrets are read too

	skew   atomic.Int64 // how far the vendor's clock is ahead of the hub's, in nanoseconds, as its last answer tells
	roll   *roll
	barred sync.Map    // names of parts that may not be read → true
	unmet  atomic.Bool // somebody could not be read just now, though perhaps later
}

// may notes whether parts may be read.
func (c *client) may(ps []*part, yes bool) {
	for _, p := range ps {
		if yes {
			c.barred.Delete(p.name)
		} else {
			c.barred.Store(p.name, true)
		}
	}
}

// isBarred reports whether a part may not be read, as far as it was tried.
func (c *client) isBarred(p *part) bool {
	_, barred := c.barred.Load(p.name)
	return barred
}

// vendorNow is the time by the vendor's clock, as far as an answer has told it.
func (c *client) vendorNow() time.Time {
	return c.now().Add(time.Duration(c.skew.Load())).UTC().Round(0)
}

// learnSkew takes the vendor's clock from an answer. It tells whole seconds, so a difference below one is none.
func (c *client) learnSkew(h http.Header) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	skew := date.Sub(c.now())
	if skew > -time.Second && skew <= 0 {
		skew = 0
	}
	c.skew.Store(int64(skew))
}

func newClient(s connectors.Settings, o settings) (*client, error) {
	base, err := endpoint(s.Endpoint)
	if err != nil {
		return nil, err
	}
	if s.Transport == nil {
		return nil, errors.New("okta: no transport: the hub must give the connection its way out to the network")
	}
	auth, err := newAuthorizer(s, base)
	if err != nil {
		return nil, err
	}
	m := &mend{next: s.Transport, auth: auth}
	sdk, err := newSDK(base, m)
	if err != nil {
		return nil, err
	}
	return &client{sdk: sdk, base: base, page: o.page, secrets: o.secrets, now: s.Clock(), auth: auth, roll: newRoll()}, nil
}

// newSDK sets every field of the SDK's configuration that could do harm, because the SDK also reads the environment
// (OKTA_CLIENT_*) and a file in the home directory. The real credentials are set by mend.
func newSDK(base *url.URL, m *mend) (*okta.Client, error) {
	h := &http.Client{
		Transport:     m, // without a Timeout: with a transport of one's own it leaves goroutines; the context bounds
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	_, sdk, err := okta.NewClient(context.Background(),
		okta.WithOrgUrl(base.String()), okta.WithTestingDisableHttpsCheck(true), okta.WithHttpClientPtr(h),
		okta.WithAuthorizationMode("Bearer"), okta.WithToken("set-by-mend"), okta.WithUserAgentExtra("rollcall"),
		okta.WithCacheManager(nil), okta.WithCache(false), okta.WithCacheTtl(0), okta.WithCacheTti(0),
		okta.WithRateLimitMaxRetries(0), okta.WithRateLimitMaxBackOff(0),
		okta.WithRequestTimeout(0), okta.WithConnectionTimeout(0),
		okta.WithClientId(""), okta.WithScopes(nil), okta.WithPrivateKey(""), okta.WithPrivateKeyId(""),
		okta.WithPrivateKeySigner(nil), okta.WithClientAssertion(""),
	)
	if err != nil {
		return nil, fmt.Errorf("okta: the vendor's SDK refuses its settings (it also reads OKTA_CLIENT_* of the environment): %w", err)
	}
	return sdk, nil
}

// answer is what came back for one request, whatever its status.
type answer struct {
	target string // path and query of the request, below the base URL
	status int
	header http.Header
	body   []byte
	token  string    // what was sent to prove who asks, to be kept out of errors
	asked  time.Time // before the request was sent
}

// place names the request in an error, without its query.
func (a *answer) place() string { return "GET " + pathOf(a.target) }

func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// get asks for target, a path and query below the base URL. An answer other than 200 is an error: a [*connectors.Fault] or a
// transient one, with a [*refusal] in its chain.
func (c *client) get(ctx context.Context, target string) (*answer, error) {
	x := &exchange{}
	asked := c.now()
	x.err = errors.New("the SDK did not send the request")
	rq := c.sdk.CloneRequestExecutor()
	req, err := rq.NewRequest(http.MethodGet, target, nil)
	if err == nil {
		var raw json.RawMessage
		// The SDK's verdict is not asked for: it loses statuses, headers and bodies.
		_, _ = rq.Do(withExchange(ctx, x), req, &raw)
		err = x.err
	}
	if err != nil {
		return nil, fmt.Errorf("okta: GET %s: %w", pathOf(target), c.unreachable(err))
	}
	a := &answer{target: target, status: x.status, header: x.header, body: x.body, token: x.token, asked: asked}
	c.learnSkew(a.header)
	if a.status != http.StatusOK {
		return nil, c.fault(a)
	}
	return a, nil
}

// unreachable adds the cure to an error of the network.
func (c *client) unreachable(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w; check the connection's endpoint %s and the way to it", err, c.base.Host)
	}
	return err
}

// endpoint reads the org's base URL.
func endpoint(s string) (*url.URL, error) {
	const example = "give the org's own URL, such as https://acme.okta.com"
	u, err := url.Parse(strings.TrimRight(s, "/"))
	switch {
	case s == "":
		return nil, errors.New("okta: endpoint is missing: " + example)
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("okta: endpoint is not a base URL (scheme, host, no user, no query): " + example)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, fmt.Errorf("okta: endpoint has the scheme %q: use https, since the token is sent to it (http is for loopback only)",
			u.Scheme)
	case strings.Contains(u.Host, "-admin."):
		return nil, fmt.Errorf("okta: endpoint %s is the admin console: leave out -admin", u.Host)
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
