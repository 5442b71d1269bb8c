package okta

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The limits of event hooks.
const (
	maxHooks      = 25  // active ones of an org
	maxHookEvents = 300 // types of one hook
)

// hook is an event hook as it is saved.
type hook struct {
	ID, Name, Status, By string
	Description          *string
	Events               []string
	URI, AuthKey         string
	Secret               string // the value of authScheme, which no answer shows
	Headers              []hookHeader
	Verified             bool
	Created, Updated     time.Time
}

// hookHeader is sent with each delivery.
type hookHeader struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// eventHook is a hook as a client writes and reads it.
type eventHook struct {
	ID           string           `json:"id,omitempty"`
	Name         string           `json:"name"`
	Description  *string          `json:"description"`
	Status       string           `json:"status,omitempty"`
	Verification string           `json:"verificationStatus,omitempty"`
	Created      string           `json:"created,omitempty"`
	CreatedBy    string           `json:"createdBy,omitempty"`
	LastUpdated  string           `json:"lastUpdated,omitempty"`
	Events       hookEvents       `json:"events"`
	Channel      hookChannel      `json:"channel"`
	Links        map[string]*link `json:"_links,omitempty"`
}

type hookEvents struct {
	Type   string          `json:"type"`
	Items  []string        `json:"items"`
	Filter *map[string]any `json:"filter"`
}

type hookChannel struct {
	Type    string     `json:"type"`
	Version string     `json:"version"`
	Config  hookConfig `json:"config"`
}

type hookConfig struct {
	URI     string       `json:"uri"`
	Method  string       `json:"method,omitempty"`
	Headers []hookHeader `json:"headers"`
	Auth    *hookAuth    `json:"authScheme,omitempty"`
}

type hookAuth struct {
	Type  string `json:"type"`
	Key   string `json:"key"`
	Value string `json:"value,omitempty"` // only written, never shown
}

const eventHooks = "/api/v1/eventHooks"

func (c *call) hookView(h *hook) eventHook {
	at := c.base + eventHooks + "/" + h.ID
	v := eventHook{
		ID: h.ID, Name: h.Name, Description: h.Description, Status: h.Status, Verification: "UNVERIFIED", Created: stamp(h.Created),
		CreatedBy: h.By, LastUpdated: stamp(h.Updated), Events: hookEvents{Type: "EVENT_TYPE", Items: h.Events},
		Channel: hookChannel{Type: "HTTP", Version: "1.0.0", Config: hookConfig{URI: h.URI, Method: "POST", Headers: h.Headers}},
		Links:   map[string]*link{"self": href(at), "verify": allow(href(at, "/lifecycle/verify"), "POST")},
	}
	if h.Verified {
		v.Verification = "VERIFIED"
	}
	if h.AuthKey != "" {
		v.Channel.Config.Auth = &hookAuth{Type: "HEADER", Key: h.AuthKey}
	}
	next := map[string]string{"ACTIVE": "deactivate", "INACTIVE": "activate"}[h.Status]
	v.Links[next] = allow(href(at, "/lifecycle/"+next), "POST")
	return v
}

// check holds a hook that a client wrote to Okta's rules. Sandboxes listen on loopback, so http is allowed there.
func (v eventHook) check() *answer {
	no := func(field, why string) *answer {
		a := invalid(field, why)
		return &a
	}
	switch auth := v.Channel.Config.Auth; {
	case v.Name == "":
		return no("name", "must not be empty.")
	case v.Events.Type != "EVENT_TYPE":
		return no("events.type", "must be EVENT_TYPE.")
	case len(v.Events.Items) == 0 || len(v.Events.Items) > maxHookEvents:
		return no("events.items", "must have from 1 to 300 event types.")
	case slices.ContainsFunc(v.Events.Items, ineligible):
		return no("events.items", "has an event type that event hooks can't carry.")
	case v.Events.Filter != nil:
		return no("events.filter", "is not enabled for this org.")
	case v.Channel.Type != "HTTP" || v.Channel.Version != "1.0.0":
		return no("channel", "must have type HTTP and version 1.0.0.")
	case !deliverable(v.Channel.Config.URI):
		return no("channel.config.uri", "must be an HTTPS URL.")
	case auth != nil && (auth.Type != "HEADER" || auth.Key == ""):
		return no("channel.config.authScheme", "must have type HEADER and a key.")
	}
	return nil
}

// ineligible tells of the types that the sandbox logs. Of the others it does not know, and lets anybody wait for them.
func ineligible(eventType string) bool {
	t, known := catalogue[eventType]
	return known && !t.eligible
}

func deliverable(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Hostname() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// write takes over what a client wrote. Another channel has to be verified anew; a channel without a secret keeps the old one.
func (h *hook) write(v eventHook, now time.Time) {
	auth := hookAuth{}
	if v.Channel.Config.Auth != nil {
		auth = *v.Channel.Config.Auth
	}
	if auth.Value == "" && auth.Key == h.AuthKey {
		auth.Value = h.Secret
	}
	config := v.Channel.Config
	if config.URI != h.URI || auth.Key != h.AuthKey || auth.Value != h.Secret || !slices.Equal(config.Headers, h.Headers) {
		h.Verified = false
	}
	h.Name, h.Description, h.Events = v.Name, v.Description, slices.Clone(v.Events.Items)
	h.URI, h.Headers, h.AuthKey, h.Secret = config.URI, append([]hookHeader{}, config.Headers...), auth.Key, auth.Value
	h.Updated = now
}

func listHooks(c *call) answer { return ok(each(c.st.Hooks, c.hookView)) }

// shownHook finds the hook that the path names.
func (c *call) shownHook() (*hook, *answer) {
	id := c.r.PathValue("id")
	if h := c.st.hook(id); h != nil {
		return h, nil
	}
	no := notFound(id, "EventHook")
	return nil, &no
}

func (st *state) hook(id string) *hook {
	return find(st.Hooks, func(h *hook) bool { return h.ID == id })
}

func getHook(c *call) answer {
	h, no := c.shownHook()
	if no != nil {
		return *no
	}
	return ok(c.hookView(h))
}

// written reads a hook out of a request's body.
func (c *call) written() (v eventHook, refused *answer) {
	if no, fine := c.decode(&v, "application/json"); !fine {
		return v, &no
	}
	return v, v.check()
}

func createHook(c *call) answer {
	v, no := c.written()
	switch {
	case no != nil:
		return *no
	case c.st.activeHooks() >= maxHooks:
		return invalid("status", "an org can't have more than 25 active event hooks.")
	}
	return ok(c.hookView(c.addHook(v)))
}

func (st *state) activeHooks() int {
	return len(where(st.Hooks, func(h *hook) bool { return h.Status == "ACTIVE" }))
}

// addHook makes a hook that is active, but gets nothing before it is verified.
func (s *Sandbox) addHook(v eventHook) *hook {
	h := &hook{ID: s.st.id("who"), Status: "ACTIVE", By: s.st.Admin, Created: s.st.Clock}
	h.write(v, s.st.Clock)
	s.st.Hooks = append(s.st.Hooks, h)
	s.log("event_hook.created", s.actor(), h.target())
	return h
}

func (h *hook) target() logTarget {
	return logTarget{ID: h.ID, Type: "EventHook", DisplayName: h.Name}
}

func replaceHook(c *call) answer {
	h, no := c.shownHook()
	if no != nil {
		return *no
	}
	v, no := c.written()
	if no != nil {
		return *no
	}
	h.write(v, later(c.now, h.Updated))
	c.log("event_hook.updated", c.actor(), h.target())
	return ok(c.hookView(h))
}

func deleteHook(c *call) answer {
	h, no := c.shownHook()
	switch {
	case no != nil:
		return *no
	case h.Status != "INACTIVE":
		return invalid("status", "only an inactive event hook can be deleted.")
	}
	c.st.Hooks = without(c.st.Hooks, h)
	c.log("event_hook.deleted", c.actor(), h.target())
	return answer{status: http.StatusNoContent}
}

func activateHook(c *call) answer {
	h, no := c.shownHook()
	switch {
	case no != nil:
		return *no
	case h.Status != "ACTIVE" && c.st.activeHooks() >= maxHooks:
		return invalid("status", "an org can't have more than 25 active event hooks.")
	}
	c.switchHook(h, "ACTIVE", "event_hook.activated")
	return ok(c.hookView(h))
}

func deactivateHook(c *call) answer {
	h, no := c.shownHook()
	if no != nil {
		return *no
	}
	c.switchHook(h, "INACTIVE", "event_hook.deactivated")
	return ok(c.hookView(h))
}

func (s *Sandbox) switchHook(h *hook, status, event string) {
	if h.Status != status {
		h.Status, h.Updated = status, later(s.st.Clock, h.Updated)
		s.log(event, s.actor(), h.target())
	}
}

// wants tells whether a hook gets entries of a type. It cannot have subscribed to what hooks may not carry.
func (h *hook) wants(eventType string) bool {
	return h.Status == "ACTIVE" && h.Verified && slices.Contains(h.Events, eventType)
}
