package okta

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
)

// Okta's error codes that mean more than their status does. Only codes are a contract; texts may change.
const (
	codeNotFound   = "E0000007" // 404: the object is not there
	codeNotEnabled = "E0000015" // 401, in spite of its status: the org lacks the feature
)

// refusal is an answer other than 200.
type refusal struct {
	target string
	status int
	code   string // Okta's error code; empty when the body has none
	text   string // the summary, or how the body begins; without secrets
}

func (r *refusal) Error() string {
	s := fmt.Sprintf("okta: GET %s answered %d", pathOf(r.target), r.status)
	if r.code != "" {
		s += " " + r.code
	}
	return s + ": " + r.text
}

// refusalOf finds the refusal in err, or nil.
func refusalOf(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// missingObject reports whether err says that the one thing that was asked about is gone, while the list that it stands in is there.
func missingObject(err error) bool {
	r := refusalOf(err)
	return r != nil && r.status == http.StatusNotFound && r.code == codeNotFound
}

// ofOne reports whether a path leads to one thing or something of it, rather than to one of the org's lists.
func ofOne(path string) bool {
	for _, list := range []string{agentsPath, appsPath, clientsPath, tokensPath, usersPath, groupsPath} {
		if strings.HasPrefix(path, list+"/") {
			return true
		}
	}
	return false
}

// badRequest reports whether the vendor did not understand what was asked, such as a filter that it does not have.
func badRequest(err error) bool {
	r := refusalOf(err)
	return r != nil && r.status == http.StatusBadRequest
}

// fault maps an answer other than 200 to what the runner knows. By the status first: real codes differ from the documented ones.
func (c *client) fault(a *answer) error {
	r := &refusal{target: a.target, status: a.status, code: errorCode(a.body), text: snippet(a)}
	n := needs(pathOf(a.target))
	switch {
	case a.status == http.StatusTooManyRequests:
		return rateLimited(a, c.now())
	case a.status == http.StatusUnauthorized && r.code == codeNotEnabled:
		return &connectors.Fault{Kind: connectors.Forbidden, Err: r, Cure: "enable " + n.feature + " for the org"}
	case a.status == http.StatusUnauthorized:
		return &connectors.Fault{Kind: connectors.Unauthorized, Err: r, Cure: c.auth.cure()}
	case a.status == http.StatusForbidden && r.code == "" && !scopeMissing(a.header):
		return &connectors.Fault{Kind: connectors.Forbidden, Err: r,
			Cure: "this is not how Okta refuses: check the connection's endpoint and the proxies on the way"}
	case a.status == http.StatusForbidden:
		return &connectors.Fault{Kind: connectors.Forbidden, Err: r, Cure: n.permission(a.header)}
	case a.status == http.StatusNotFound && r.code == codeNotFound && ofOne(pathOf(a.target)):
		return r
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusNotImplemented:
		return &connectors.Fault{Kind: connectors.Forbidden, Err: r, Cure: "this org does not have the endpoint: enable " + n.feature +
			", and check the connection's endpoint"}
	case a.status == http.StatusGone, a.status == http.StatusBadRequest && strings.Contains(a.target, "after="):
		return &connectors.Fault{Kind: connectors.CursorExpired, Err: r, Cure: "nothing to do: the list is read again from its start"}
	}
	return r
}

// rateLimited says how long to wait. A 429 for too many calls at the same time has limit 0 and says nothing of time.
func rateLimited(a *answer, now time.Time) error {
	f := &connectors.Fault{Kind: connectors.RateLimited, Cure: "lower the connection's share or pace, or raise the app's share of the org's limit",
		Err: fmt.Errorf("okta: %s answered 429: limit %s, remaining %s per minute", pathOf(a.target),
			known(a.header.Get("X-Rate-Limit-Limit")), known(a.header.Get("X-Rate-Limit-Remaining")))}
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		now = date // the vendor's clock, by which Reset is told
	}
	if s, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil {
		f.After = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(a.header.Get("Retry-After")); err == nil {
		f.After = at.Sub(now)
	} else if reset, err := strconv.ParseInt(a.header.Get("X-Rate-Limit-Reset"), 10, 64); err == nil && a.header.Get("X-Rate-Limit-Limit") != "0" {
		f.After = time.Unix(reset, 0).Sub(now) + time.Second
	}
	f.After = min(max(f.After, 0), maxWait)
	return f
}

// maxWait bounds what a vendor's word can make a feed wait. Okta's windows are minutes.
const maxWait = 10 * time.Minute

func known(s string) string {
	if _, err := strconv.Atoi(s); err != nil {
		return "unknown"
	}
	return s
}

// need is what reading a part of the API takes.
type need struct{ scope, role, feature string }

var (
	agentsNeed = need{"okta.aiAgents.read", "Super Administrator, or a custom role with permission to view AI agents",
		"AI agents (Okta for AI Agents, or Cross App Access for AI agents)"}
	ownersNeed = need{"okta.governance.resourceOwner.read",
		"Super Administrator, or a custom role with okta.apps.read, okta.users.read and okta.groups.read", "Okta Identity Governance"}
	logNeed    = need{"okta.logs.read", "Read-only Administrator, Report Administrator, or a custom role that sees the System Log", "the System Log API"}
	appsNeed   = need{"okta.apps.read", "Read-only Administrator, or a custom role with okta.apps.read", "the Apps API"}
	grantsNeed = need{"okta.appGrants.read", "Read-only Administrator, or a custom role with okta.apps.read", "the Apps API"}
	rolesNeed  = need{"okta.roles.read", "Super Administrator, or Read-only Administrator", "the Roles API"}
	usersNeed  = need{"okta.users.read", "Read-only Administrator, or a custom role with okta.users.read", "the Users API"}
	groupsNeed = need{"okta.groups.read", "Read-only Administrator, or a custom role with okta.groups.read", "the Groups API"}
	tokensNeed = need{"okta.apiTokens.read", "Read-only Administrator, or Super Administrator", "the API Tokens API"}
)

func needs(path string) need {
	switch {
	case strings.HasPrefix(path, "/governance/"):
		return ownersNeed
	case strings.HasPrefix(path, appsPath) && strings.HasSuffix(path, "/grants"):
		return grantsNeed
	case strings.HasPrefix(path, appsPath):
		return appsNeed
	case strings.HasPrefix(path, clientsPath):
		return rolesNeed
	case strings.HasPrefix(path, usersPath):
		return usersNeed
	case strings.HasPrefix(path, groupsPath):
		return groupsNeed
	case strings.HasPrefix(path, tokensPath):
		return tokensNeed
	case path == logsPath:
		return logNeed
	}
	return agentsNeed
}

// permission is the cure for a 403: the scope when the vendor says that it is missing, else scope and role.
func (n need) permission(h http.Header) string {
	if scopeMissing(h) {
		return fmt.Sprintf("grant the scope %s to the app (Okta API Scopes), and name it in auth scopes if those are set", n.scope)
	}
	return fmt.Sprintf("assign the app or the token's owner an admin role (%s), and grant the scope %s; a role counts for tokens made after it",
		n.role, n.scope)
}

// scopeMissing reports whether the vendor says that the token lacks a scope.
func scopeMissing(h http.Header) bool {
	return strings.Contains(h.Get("WWW-Authenticate"), "insufficient_scope")
}

// errorCode is Okta's code in an error's body, or empty.
func errorCode(body []byte) string {
	var e struct {
		Code text `json:"errorCode"`
	}
	if json.Unmarshal(body, &e) != nil || !plainCode.MatchString(string(e.Code)) {
		return ""
	}
	return string(e.Code)
}

var plainCode = regexp.MustCompile(`^E\d{7}$`)

// snippet says for an error what a body was: Okta's summary, or how it begins. It holds no secret.
func snippet(a *answer) string {
	var e struct {
		Summary text `json:"errorSummary"`
	}
	s := string(a.body[:min(len(a.body), 4096)])
	if json.Unmarshal(a.body, &e) == nil && e.Summary != "" {
		s = string(e.Summary)
	}
	if a.token != "" {
		s = strings.ReplaceAll(s, a.token, "[redacted]")
	}
	if strings.TrimSpace(s) == "" {
		return "an empty body"
	}
	if t := a.header.Get("Content-Type"); e.Summary == "" && !strings.Contains(t, "json") {
		return fmt.Sprintf("%q (%s)", shorten(s), orNone(t))
	}
	return strconv.Quote(shorten(s))
}

func orNone(contentType string) string {
	if contentType == "" {
		return "no content type"
	}
	return shorten(contentType)
}
