package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// answers tells whether a receiver at an address returns a challenge, as Okta wants it before it delivers anything.
func (c *courier) answers(ctx context.Context, uri, challenge string) bool {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return false
	}
	r.Header.Set("X-Okta-Verification-Challenge", challenge)
	status, body, err := c.do(r)
	var v struct {
		Verification string `json:"verification"`
	}
	return err == nil && status == http.StatusOK && json.Unmarshal(body, &v) == nil && v.Verification == challenge
}

// verifyHook asks the receiver, which may take its time: so it is done when the lock is let go.
func verifyHook(c *call) answer {
	h, no := c.shownHook()
	if no != nil {
		return *no
	}
	id, uri, challenge := h.ID, h.URI, c.st.Noise.Base62(40)
	return answer{outside: func() answer {
		good := c.courier.answers(c.r.Context(), uri, challenge)
		c.mu.Lock()
		defer c.mu.Unlock()
		h := c.verified(id, uri, good)
		if h == nil {
			return invalid("eventHook", "the receiver did not return the challenge.")
		}
		return ok(c.hookView(h))
	}}
}

// verified notes how a verification went, and returns the hook if it went well and the hook is still the same.
func (s *Sandbox) verified(id, uri string, good bool) *hook {
	s.tick()
	h := s.st.hook(id)
	if h == nil {
		return nil
	}
	e := entry("event_hook.verified", s.actor().actor(), h.target())
	if !good || h.URI != uri {
		s.record(e.failed("the receiver did not return the challenge"))
		return nil
	}
	s.record(e)
	h.Verified, h.Updated = true, later(s.st.Clock, h.Updated)
	return h
}

// RegisterHook does what an administrator does by hand: it makes an event hook for every type of entry that the sandbox logs
// and hooks may carry, verifies it, and leaves it active. Deliveries bear the secret in the header Authorization. It fails,
// and leaves no hook behind, when the uri is neither https nor loopback, there are too many hooks, or the receiver does not
// return the challenge.
func (s *Sandbox) RegisterHook(uri, secret string) (id string, err error) {
	v := eventHook{
		Name: "Rollcall", Events: hookEvents{Type: "EVENT_TYPE", Items: eligibleTypes()},
		Channel: hookChannel{Type: "HTTP", Version: "1.0.0", Config: hookConfig{URI: uri}},
	}
	v.Channel.Config.Auth = &hookAuth{Type: "HEADER", Key: "Authorization", Value: secret}
	if v.check() != nil {
		return "", errors.New("okta: register the hook: its address must be https, or http on loopback")
	}
	s.mu.Lock()
	s.tick()
	if s.st.activeHooks() >= maxHooks {
		s.mu.Unlock()
		return "", fmt.Errorf("okta: register the hook: the org has %d active ones already; deactivate one", maxHooks)
	}
	id = s.addHook(v).ID
	challenge := s.st.Noise.Base62(40)
	s.mu.Unlock()

	good := s.courier.answers(s.courier.ctx, uri, challenge)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verified(id, uri, good) != nil {
		return id, nil
	}
	s.st.Hooks = slices.DeleteFunc(s.st.Hooks, func(h *hook) bool { return h.ID == id })
	return "", errors.New("okta: register the hook: the receiver did not answer a GET with 200 and the challenge as JSON")
}

func eligibleTypes() []string {
	var out []string
	for _, t := range slices.Sorted(maps.Keys(catalogue)) {
		if catalogue[t].eligible {
			out = append(out, t)
		}
	}
	return out
}
