package entra

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
)

// graphError is the body of a refusal. The SDK's own type for it knows no codes below the first, and one of the two spellings
// of innerError that Graph uses.
type graphError struct {
	Error struct {
		Code    string     `json:"code"`
		Message string     `json:"message"`
		Inner   innerError `json:"innerError,case:ignore"`
	} `json:"error"`
}

type innerError struct {
	Code      string      `json:"code"`
	RequestID string      `json:"request-id"`
	Inner     *innerError `json:"innerError,case:ignore"`
}

// codes are all the codes of a refusal, from the outermost to the most specific.
func (e *graphError) codes() []string {
	codes := []string{e.Error.Code}
	for in := &e.Error.Inner; in != nil; in = in.Inner {
		codes = append(codes, in.Code)
	}
	return slices.DeleteFunc(codes, func(s string) bool { return s == "" })
}

// The codes that say that a page's or a delta's token is no longer good.
var expiredCodes = []string{"syncstatenotfound", "syncstateinvalid", "resyncrequired", "directory_expiredpagetoken"}

// codeRouting is what Graph answers to an address that it does not know; a known one that it cannot do has Request_BadRequest.
const codeRouting = "badrequest"

const codePremium = "authentication_requestfromnonpremiumtenantorb2ctenant"

// check turns an answer that is no success into the fault that it stands for.
func (c *client) check(a answer, r call) error {
	if a.status == http.StatusOK {
		return nil
	}
	var e graphError
	readable := json.Unmarshal(a.body, &e, lenient) == nil && e.Error.Code != ""
	err := c.refusal(a, &e, readable)
	codes := e.codes()
	switch {
	case r.followed && expired(a.status, readable, codes):
		return &connectors.Fault{Kind: connectors.CursorExpired, Err: err, Cure: "the feed is read again from the start"}
	case a.status == http.StatusUnauthorized:
		return &connectors.Fault{Kind: connectors.Unauthorized, Err: err, Cure: cureToken}
	case hasCode(codes, codePremium):
		return &connectors.Fault{Kind: connectors.Forbidden, Err: err, Cure: "this needs a Microsoft Entra ID P1 licence"}
	case a.status == http.StatusForbidden && readable:
		return &connectors.Fault{Kind: connectors.Forbidden, Err: err, Cure: cureForbidden(r.need)}
	case a.status == http.StatusForbidden: // whoever says no will say it again at once
		return &connectors.Fault{Kind: connectors.Forbidden, Err: err, Cure: cureForeign}
	case a.status == http.StatusTooManyRequests || a.status == 509 || retryable(a):
		return &connectors.Fault{Kind: connectors.RateLimited, Err: err, After: retryAfter(a.header, c.now())}
	case missing(a.status) || a.status == http.StatusBadRequest && (r.optional || r.body == nil && hasCode(codes, codeRouting)):
		return &connectors.Fault{Kind: connectors.Forbidden, Err: err, Cure: cureMissing}
	}
	return err
}

// expired: whatever the reason why Graph refuses a link that it gave, only a new start mends it.
func expired(status int, readable bool, codes []string) bool {
	return status == http.StatusGone || status == http.StatusBadRequest && readable || hasCode(codes, expiredCodes...)
}

const (
	cureToken = "check that the connection's credentials are those of an application of this tenant and have not expired or been removed"

	cureMissing = "this endpoint does not serve it: check the endpoint, and that the tenant has Microsoft Entra Agent ID " +
		"(workforce tenants of the global cloud)"

	cureForeign = "this is not how Graph refuses: check the connection's endpoint and the proxies on the way"
)

func cureForbidden(need string) string {
	return "grant the application " + need + " (application permission) and give admin consent; and take " +
		"Directory.AccessAsUser.All away from it, beside which the agent permissions do not count"
}

// missing are the statuses of a path that the vendor does not have. Only lists are asked for so; a single object that is not
// there is no fault.
func missing(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// retryable: the vendor is busy and says for how long.
func retryable(a answer) bool {
	busy := a.status == http.StatusServiceUnavailable || a.status == http.StatusGatewayTimeout
	return busy && a.header.Get("Retry-After") != ""
}

func hasCode(codes []string, known ...string) bool {
	return slices.ContainsFunc(codes, func(s string) bool { return slices.Contains(known, strings.ToLower(s)) })
}

// refusal is what the vendor answered, in a line.
func (c *client) refusal(a answer, e *graphError, readable bool) error {
	if !readable {
		return c.strange(a, "an error of Graph's")
	}
	codes := slices.Compact(e.codes())
	s := fmt.Sprintf("%s: status %d, %s: %s", a.place, a.status, strings.Join(codes, "/"), e.Error.Message)
	if id := e.Error.Inner.RequestID; id != "" {
		s += " (request-id " + id + ")"
	}
	return errors.New(c.scrub.line(s, 400))
}

// strange is the error for an answer of the wrong shape. It quotes the beginning of what is no JSON: a proxy's page says whose
// it is. JSON is not quoted, because it could be an object with a secret in it.
func (c *client) strange(a answer, want string) error {
	text := strings.TrimSpace(string(a.body))
	got := "nothing"
	switch {
	case text == "":
	case text[0] == '{' || text[0] == '[':
		got = fmt.Sprintf("%d bytes of other or incomplete JSON", len(a.body))
	default:
		got = strconv.Quote(c.scrub.line(text, 80))
	}
	return fmt.Errorf("%s: status %d, with %s instead of %s", a.place, a.status, got, want)
}

// retryAfter reads Retry-After, in seconds or as a date; 0: the vendor did not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	s := h.Get("Retry-After")
	if n, err := strconv.ParseUint(s, 10, 20); err == nil {
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}
