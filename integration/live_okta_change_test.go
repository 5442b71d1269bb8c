package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// change takes an agent through its life, and wants the connector to see each step through the log within two polls. Whatever
// happens, the agent is removed in the end.
func (l *oktaLive) change(t *testing.T) {
	t.Cleanup(func() { l.remove(t, l.name, 0) })
	l.remove(t, liveNames, time.Hour)
	r := l.reader(t, 0)
	r.read(t, "system-log") // what follows is new
	l.tryOut(t, r, l.register(t))
}

// tryOut goes through the steps after the registration.
func (l *oktaLive) tryOut(t *testing.T, r *reader, id string) {
	t.Helper()
	isAgent := func(status events.Status) func(connectors.Reading) bool {
		return func(reading connectors.Reading) bool {
			for _, e := range reading.Entities {
				if e.Kind == events.KindAgent && e.Holder == id && (status == "" || e.Agent.Status == status) {
					return reading.LogID != ""
				}
			}
			return false
		}
	}
	l.follows(t, r, "system-log", "registered", 2, isAgent(""))
	if err := l.own(t.Context(), l.orn(t, id)); err != nil {
		t.Fatalf("giving the agent an owner: %v", err)
	}
	l.follows(t, r, "system-log", "owned", 2, func(reading connectors.Reading) bool {
		for _, e := range reading.Entities {
			if e.Kind == events.KindStewardship && e.Holder == id && strings.HasSuffix(e.Key, l.owner()) {
				return reading.LogID != ""
			}
		}
		return false
	})
	l.must(t, http.MethodPost, agentsAPI+"/"+id+"/lifecycle/activate", nil)
	l.follows(t, r, "system-log", "activated", 2, isAgent(events.StatusActive))
	l.must(t, http.MethodPost, agentsAPI+"/"+id+"/lifecycle/deactivate", nil)
	l.follows(t, r, "system-log", "deactivated", 2, isAgent(events.StatusDisabled))
	l.must(t, http.MethodDelete, agentsAPI+"/"+id, nil)
	l.follows(t, r, "system-log", "deleted", 2, func(reading connectors.Reading) bool {
		for _, gone := range reading.Tombstones {
			if gone.Ref == events.Identity(events.KindAgent, id) {
				return reading.LogID != "" && reading.Actor != nil
			}
		}
		return false
	})
}

// register creates the agent, waits until it is there, and returns its id.
func (l *oktaLive) register(t *testing.T) string {
	t.Helper()
	op := l.must(t, http.MethodPost, agentsAPI, map[string]any{"profile": map[string]any{
		"name": l.name, "description": "Made by Rollcall's live suite, which removes it again."}})
	if op.Resource.ID == "" {
		t.Fatal("the registration names no agent")
	}
	return op.Resource.ID
}

// operation is what Okta tells of a change that takes its time.
type operation struct {
	Status   string `json:"status"`
	Resource struct {
		ID string `json:"id"`
	} `json:"resource"`
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"errorDetails"`
}

// must makes a change and waits until it has taken effect.
func (l *oktaLive) must(t *testing.T, method, target string, body any) operation {
	t.Helper()
	op, err := l.carryOut(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// mostAttempts bounds how often something that takes its time is asked for again.
const mostAttempts = 20

// carryOut makes a change and waits for its operation. A deletion right after a deactivation is refused with 400 until that has
// reached every part of the org, so a 400 to a deletion is asked again.
func (l *oktaLive) carryOut(ctx context.Context, method, target string, body any) (operation, error) {
	for n := range mostAttempts {
		got, err := l.caller.do(ctx, method, target, "application/json", body)
		switch {
		case err != nil:
			return operation{}, err
		case got.status == http.StatusAccepted:
			return l.finished(ctx, got.header.Get("Location"))
		case got.status != http.StatusBadRequest || method != http.MethodDelete || n == mostAttempts-1:
			return operation{}, fmt.Errorf("%s %s answered %d %s", method, target, got.status, errorCode(got))
		}
		if err := wait(ctx, l.pause/10); err != nil {
			return operation{}, err
		}
	}
	return operation{}, fmt.Errorf("%s %s was refused %d times", method, target, mostAttempts)
}

// finished waits for the operation that a link leads to.
func (l *oktaLive) finished(ctx context.Context, link string) (op operation, err error) {
	u, err := url.Parse(link)
	if err != nil || u.Path == "" {
		return op, fmt.Errorf("a change was accepted without a link to its operation")
	}
	for range mostAttempts {
		got, err := l.caller.get(ctx, u.EscapedPath())
		if err != nil {
			return op, err
		}
		if got.status != http.StatusOK || json.Unmarshal(got.body, &op) != nil {
			return op, fmt.Errorf("the operation answered %d %s", got.status, errorCode(got))
		}
		switch op.Status {
		case "COMPLETED":
			return op, nil
		case "FAILED":
			return op, fmt.Errorf("the operation failed: %s %s", op.Error.Code, op.Error.Message)
		}
		if err := wait(ctx, l.pause/5); err != nil {
			return op, err
		}
	}
	return op, fmt.Errorf("the operation is %s after %d looks at it", op.Status, mostAttempts)
}

// liveAgent is an agent as the list shows it.
type liveAgent struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
	Profile struct {
		Name string `json:"name"`
	} `json:"profile"`
	Links struct {
		Delegations struct {
			Href string `json:"href"`
		} `json:"delegationLinks"`
	} `json:"_links"`
}

// remove deletes the agents whose names begin so and that are older than an age. It works after the test has ended.
func (l *oktaLive) remove(t *testing.T, begins string, age time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	agents, err := l.named(ctx, begins)
	if err != nil {
		t.Errorf("looking for agents to remove: %v; look for %s... in the org yourself", err, begins)
	}
	for _, a := range agents {
		if !strings.HasPrefix(a.Profile.Name, liveNames) || time.Since(a.Created) < age {
			continue
		}
		err := l.retire(ctx, a)
		if err != nil {
			t.Errorf("the agent %q is left behind: %v; remove it yourself", a.Profile.Name, err)
			continue
		}
		t.Logf("removed %q", a.Profile.Name)
	}
}

// retire takes an agent of any status to its end. Only an inactive agent can be deleted and only an active one deactivated, so
// one that was registered and no more gets an owner and is activated first.
func (l *oktaLive) retire(ctx context.Context, a liveAgent) (err error) {
	at := agentsAPI + "/" + a.ID
	if a.Status == "STAGED" {
		if err = l.own(ctx, a.orn()); err == nil {
			_, err = l.carryOut(ctx, http.MethodPost, at+"/lifecycle/activate", nil)
		}
		a.Status = "ACTIVE"
	}
	if a.Status == "ACTIVE" && err == nil {
		_, err = l.carryOut(ctx, http.MethodPost, at+"/lifecycle/deactivate", nil)
	}
	if err == nil {
		_, err = l.carryOut(ctx, http.MethodDelete, at, nil)
	}
	return err
}

// named finds agents by the beginning of their names.
func (l *oktaLive) named(ctx context.Context, begins string) ([]liveAgent, error) {
	got, err := l.caller.get(ctx, agentsAPI+"?limit=200&search="+url.PathEscape(`profile.name sw "`+begins+`"`))
	if err != nil {
		return nil, err
	}
	var list struct {
		Data []liveAgent `json:"data"`
	}
	if got.status != http.StatusOK || json.Unmarshal(got.body, &list) != nil {
		return nil, fmt.Errorf("GET %s answered %d %s", agentsAPI, got.status, errorCode(got))
	}
	return list.Data, nil
}

var quotedORN = regexp.MustCompile(`orn:[^"]+`)

// orn finds the agent's ORN in the filter of its link to delegations; empty when it tells none.
func (a *liveAgent) orn() string {
	link, err := url.QueryUnescape(a.Links.Delegations.Href)
	if err != nil {
		return ""
	}
	return quotedORN.FindString(link)
}

// orn reads an agent's ORN.
func (l *oktaLive) orn(t *testing.T, id string) string {
	t.Helper()
	got, err := l.caller.get(t.Context(), agentsAPI+"/"+id)
	if err != nil {
		t.Fatal(err)
	}
	var a liveAgent
	if err := json.Unmarshal(got.body, &a); err != nil {
		t.Fatalf("the agent answers %d without JSON", got.status)
	}
	return a.orn()
}

// ownByAPI makes the configured user the only owner of an agent, through Okta's governance API.
func (l *oktaLive) ownByAPI(ctx context.Context, orn string) error {
	parts := strings.Split(orn, ":") // orn:okta:directory:{org}:...
	if len(parts) < 4 {
		return fmt.Errorf("the agent tells no ORN (%q): its owner cannot be set", orn)
	}
	user := fmt.Sprintf("orn:%s:directory:%s:users:%s", parts[1], parts[3], l.owner())
	got, err := l.caller.do(ctx, http.MethodPost, "/governance/api/v1/resource-owners", "application/json",
		map[string]any{"principalOrns": []string{user}, "resourceOrns": []string{orn}})
	if err == nil && got.status/100 != 2 {
		err = fmt.Errorf("POST /governance/api/v1/resource-owners answered %d %s", got.status, errorCode(got))
	}
	return err
}

var linkTarget = regexp.MustCompile(`<([^>]*)>\s*;\s*rel="([^"]*)"`)

// linkTo finds a link in an answer's headers, or nothing.
func linkTo(r reply, rel string) string {
	for _, m := range linkTarget.FindAllStringSubmatch(strings.Join(r.header.Values("Link"), ","), -1) {
		if m[2] == rel {
			return m[1]
		}
	}
	return ""
}
