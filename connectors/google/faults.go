package google

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// problem is the body with which Google's APIs refuse.
type problem struct {
	Error struct {
		Message string           `json:"message"`
		Status  string           `json:"status"`
		Details []jsontext.Value `json:"details"`
		Errors  []struct {
			Reason string `json:"reason"`
		} `json:"errors"`
	} `json:"error"`
}

// extra is one of a problem's details: google.rpc.ErrorInfo, RetryInfo, or a type that says nothing here.
type extra struct {
	Reason     string            `json:"reason"`
	Metadata   map[string]string `json:"metadata"`
	RetryDelay string            `json:"retryDelay"`
}

// detail is what a problem says, in the terms in which it is told apart.
type detail struct {
	message, status string
	reasons         []string
	meta            map[string]string
	delay           time.Duration
}

func (a *answer) detail() detail {
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		p = problem{}
	}
	d := detail{message: p.Error.Message, status: p.Error.Status, meta: map[string]string{}, delay: retryAfter(a.header)}
	for _, e := range p.Error.Errors {
		d.reasons = append(d.reasons, e.Reason)
	}
	for _, v := range p.Error.Details {
		var x extra
		if json.Unmarshal(v, &x) != nil {
			continue // of a type that is not known here
		}
		if x.Reason != "" {
			d.reasons = append(d.reasons, x.Reason)
			maps.Copy(d.meta, x.Metadata)
		}
		if delay, err := time.ParseDuration(x.RetryDelay); err == nil && delay > 0 {
			d.delay = delay
		}
	}
	return d
}

// retryAfter reads the header, in seconds: Google sends no dates.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 24*3600)) * time.Second
}

func (d detail) has(reasons ...string) bool {
	return slices.ContainsFunc(d.reasons, func(r string) bool { return slices.Contains(reasons, r) })
}

// limited reports whether the call was refused for its rate. Older APIs say so with a 403.
func (d detail) limited(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusForbidden && (d.status == "RESOURCE_EXHAUSTED" ||
		d.has("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED"))
}

// foreign reports whether the body is not one of Google's: a proxy's page, for example.
func (d detail) foreign() bool { return d.message == "" && d.status == "" }

// refusal turns an answer other than a good one into a fault, or into a transient error.
func (c *client) refusal(a *answer) error {
	d := a.detail()
	err := a.refused(d)
	fault := func(kind connectors.FaultKind, cure string) error {
		return &connectors.Fault{Kind: kind, After: d.delay, Cure: cure, Err: err}
	}
	switch {
	case d.limited(a.status):
		return fault(connectors.RateLimited, "")
	case a.status == http.StatusUnauthorized:
		return fault(connectors.Unauthorized, loginCure[c.method])
	case a.status >= 300 && a.status <= 399:
		return fmt.Errorf("%w: redirects are not followed, because the credentials would go along; correct the connection's endpoint", err)
	case d.foreign() && a.status == http.StatusForbidden: // whoever says no will say it again at once
		return fault(connectors.Forbidden, "this is not how Google's APIs refuse: check the connection's endpoint and the proxies on the way")
	case d.foreign() && !absent(a.status):
		return fmt.Errorf("%w: this is not how Google's APIs answer; check the connection's endpoint and the proxies on the way", err)
	case a.status == http.StatusForbidden:
		d.delay = 0
		return fault(connectors.Forbidden, a.permissionCure(d))
	case a.paged && (a.status == http.StatusBadRequest || a.status == http.StatusGone):
		return fault(connectors.CursorExpired, "") // page tokens live for hours, and only at the list that gave them
	case absent(a.status), a.status == http.StatusBadRequest:
		return fault(connectors.Forbidden, "check that the project and the location exist and that the service is offered there "+
			"(options projects and locations), and that the connection's endpoint is Google's API")
	}
	return err
}

// absent are the statuses of a path or a method that the server does not have, whoever it is.
func absent(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// refusedError is what the vendor answered instead of what it was asked for.
type refusedError struct {
	status int
	text   string // without secrets
}

func (e *refusedError) Error() string { return e.text }

// isStatus reports whether err comes from an answer with the given status.
func isStatus(err error, status int) bool {
	e, ok := errors.AsType[*refusedError](err)
	return ok && e.status == status
}

// refused words what the vendor answered.
func (a *answer) refused(d detail) error {
	text := fmt.Sprintf("%q", a.scrub(string(a.body), 80))
	if !d.foreign() {
		text = a.scrub(strings.TrimPrefix(d.status+": "+d.message, ": "), 300)
	}
	if len(d.reasons) > 0 {
		text += " (" + a.scrub(strings.Join(d.reasons, ", "), 80) + ")"
	}
	return &refusedError{a.status, fmt.Sprintf("%s: status %d: %s", a.place(), a.status, text)}
}

// permissions are what the calls need, by the end of their path, the first that fits: the permission, and a read-only role that has it.
var permissions = []struct {
	path             *regexp.Regexp
	permission, role string
}{
	{regexp.MustCompile(`/authProviders/[^/]+:getIamPolicy$`), "agentidentity.authProviders.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/collections/[^/]+/engines/[^/]+:getIamPolicy$`), "discoveryengine.engines.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/workloadIdentityPools/[^/]+:getIamPolicy$`), "iam.workloadIdentityPools.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/workloadIdentityPools$`), "iam.workloadIdentityPools.list", "roles/iam.workloadIdentityPoolViewer"},
	{regexp.MustCompile(`/services/[^/]+:getIamPolicy$`), "run.services.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/(authProviders|accessSummaries)(/|$)`), "agentidentity.authProviders.list", "roles/agentidentity.viewer"},
	{regexp.MustCompile(`/(engines|assistants)(/[^/]+)?$|/assistants/[^/]+/agents(/[^/]+)?$|/authorizations$`), "discoveryengine.agents.list", "roles/discoveryengine.viewer"},
	{regexp.MustCompile(`/agents$`), "agentregistry.agents.list", "roles/agentregistry.viewer"},
	{regexp.MustCompile(`/bindings(/[^/]+)?$`), "agentregistry.bindings.list", "roles/agentregistry.viewer"},
	{regexp.MustCompile(`/reasoningEngines/[^/]+:getIamPolicy$`), "aiplatform.reasoningEngines.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/reasoningEngines(/[^/]+)?$`), "aiplatform.reasoningEngines.list", "roles/aiplatform.viewer"},
	{regexp.MustCompile(`/serviceAccounts/[^/]+/keys$`), "iam.serviceAccountKeys.list", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/serviceAccounts/[^/]+:getIamPolicy$`), "iam.serviceAccounts.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/serviceAccounts(/[^/]+)?$`), "iam.serviceAccounts.list", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/workloadIdentityPools/`), "iam.workloadIdentityPoolProviders.list", "roles/iam.workloadIdentityPoolViewer"},
	{regexp.MustCompile(`/folders/[^/]+:getIamPolicy$`), "resourcemanager.folders.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/organizations/[^/]+:getIamPolicy$`), "resourcemanager.organizations.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`:getIamPolicy$`), "resourcemanager.projects.getIamPolicy", "roles/iam.securityReviewer"},
	{regexp.MustCompile(`/(projects|folders|organizations):search$`), "resourcemanager.projects.get", "roles/browser"},
	{regexp.MustCompile(`/entries:list$`), "logging.logEntries.list", "roles/logging.viewer"},
	{regexp.MustCompile(`/subscriptions/[^/]+:(pull|acknowledge)$`), "pubsub.subscriptions.consume", "roles/pubsub.subscriber"},
	{regexp.MustCompile(`/v2/.*/services(/[^/]+)?$`), "run.services.list", "roles/run.viewer"},
	{regexp.MustCompile(`/services(/[^/]+)?$`), "agentregistry.services.list", "roles/agentregistry.viewer"},
	{regexp.MustCompile(`/locations$`), "the service's locations.list", "the viewer role of the service"},
}

// permissionCure says which permission, role or API is missing.
func (a *answer) permissionCure(d detail) string {
	on := "the project or the organization"
	if d.meta["resource"] != "" {
		on = d.meta["resource"]
	}
	switch {
	case d.has("SERVICE_DISABLED"):
		service, project := word(d.meta["service"], "the API"), strings.TrimPrefix(d.meta["consumer"], "projects/")
		return fmt.Sprintf("enable %s in project %s: gcloud services enable %s --project=%s", service, word(project, "of the path"),
			service, word(project, "PROJECT"))
	case d.has("SECURITY_POLICY_VIOLATED"):
		return "let the hub into the VPC Service Controls perimeter: add its account to an ingress rule"
	}
	for _, p := range permissions {
		if p.path.MatchString(a.path) {
			return fmt.Sprintf("grant the connection's account %s (%s) on %s", word(d.meta["permission"], p.permission), p.role, on)
		}
	}
	return fmt.Sprintf("grant the connection's account %s on %s", word(d.meta["permission"], "a role that may read it"), on)
}

func word(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// missing words why no answer came: the network, or the end of ctx.
func (a *answer) missing(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text repeats the URL, with the query
	}
	if errors.Is(err, context.Canceled) || connectors.AsFault(err) != nil {
		return err
	}
	return fmt.Errorf("%s: no answer: %w", a.place(), err)
}

// unsigned words why a call has no credentials.
func (c *client) unsigned(err error) error {
	switch {
	case errors.Is(err, context.Canceled) || connectors.AsFault(err) != nil: // which the connection's limits may be
		return err
	case errors.Is(err, errCannotSign):
		return &connectors.Fault{Kind: connectors.Forbidden, Err: err,
			Cure: "name the service account that has the domain-wide delegation in the option workspace_account, grant the hub's own account " +
				"roles/iam.serviceAccountTokenCreator on it, be it the same account, and enable iamcredentials.googleapis.com"}
	}
	return c.loginFault(err)
}

// loginFault words why there are no credentials. The error's text is not shown: it may hold what was sent.
func (c *client) loginFault(err error) error {
	status := 0
	if e, ok := errors.AsType[*auth.Error](err); ok && e.Response != nil {
		status = e.Response.StatusCode
	} else if _, rest, ok := strings.Cut(err.Error(), "status code "); ok {
		_, _ = fmt.Sscanf(rest, "%d", &status) // federation has no error type of its own; what is no number leaves 0
	}
	switch {
	case status >= 500 || status == http.StatusTooManyRequests:
		return fmt.Errorf("auth method %s: no access token: the token service answers with status %d", c.method, status)
	case status > 0:
		return &connectors.Fault{Kind: connectors.Unauthorized, Cure: loginCure[c.method],
			Err: fmt.Errorf("auth method %s: no access token: the token service answers with status %d", c.method, status)}
	case isNetwork(err):
		return fmt.Errorf("auth method %s: no access token: the token service cannot be reached; check the hub's way to the internet", c.method)
	}
	return &connectors.Fault{Kind: connectors.Unauthorized, Cure: loginCure[c.method],
		Err: fmt.Errorf("auth method %s: no usable credentials", c.method)}
}

// isNetwork reports whether err is of the network's making. A missing file is not, although it too can say that it timed out.
func isNetwork(err error) bool {
	var u *url.Error
	var op *net.OpError
	return errors.As(err, &u) || errors.As(err, &op) || errors.Is(err, context.DeadlineExceeded)
}
