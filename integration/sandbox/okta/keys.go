package okta

import (
	"net/http"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// jwk is a public key, of an agent or of a service app.
type jwk struct {
	ID          string    `json:"id,omitempty"`
	Kid         string    `json:"kid"`
	Kty         string    `json:"kty"`
	Alg         string    `json:"alg,omitempty"`
	Use         string    `json:"use,omitempty"`
	E           string    `json:"e,omitempty"`
	N           string    `json:"n,omitempty"`
	Crv         string    `json:"crv,omitempty"`
	X           string    `json:"x,omitempty"`
	Y           string    `json:"y,omitempty"`
	Status      string    `json:"status,omitempty"`
	Created     string    `json:"created,omitempty"`
	LastUpdated string    `json:"lastUpdated,omitempty"`
	Links       *keyLinks `json:"_links,omitempty"`
}

type keyLinks struct {
	Activate   *link `json:"activate,omitempty"`
	Deactivate *link `json:"deactivate,omitempty"`
	Delete     *link `json:"delete,omitempty"`
}

// maxKeys is how many keys an agent may have.
const maxKeys = 50

// newKey makes a key of numbers that look like one; nobody can sign with it. Its kid equals its id: Okta lets the key's
// owner choose the kid, and this choice lets a reader that only sees the one compare with one that sees the other.
func newKey(r *sandbox.Rand, id string) *key {
	k := &key{ID: id, Status: "ACTIVE"}
	if r.Chance(0.3) {
		k.EC, k.X, k.Y = true, r.Base62(43), r.Base62(43)
		return k
	}
	k.N = r.Base62(342)
	return k
}

// keyView shows a key; at is where its own address lies, empty for a key inside an app.
func keyView(k *key, at string) jwk {
	v := jwk{
		ID: k.ID, Kid: k.kid(), Kty: "RSA", Alg: "RS256", Use: "sig", E: "AQAB", N: k.N, Status: k.Status,
		Created: stamp(k.Created), LastUpdated: stamp(k.Updated),
	}
	if k.EC {
		v.Kty, v.Alg, v.E, v.Crv, v.X, v.Y = "EC", "ES256", "", "P-256", k.X, k.Y
	}
	if at == "" {
		return v
	}
	v.Links = lifecycleLinks(at+"/"+k.ID, k.Status)
	return v
}

// lifecycleLinks are what may be done next to a key or a secret: only an inactive one can be deleted.
func lifecycleLinks(at, status string) *keyLinks {
	if status == "ACTIVE" {
		return &keyLinks{Deactivate: allow(href(at, "/lifecycle/deactivate"), "POST")}
	}
	return &keyLinks{Activate: allow(href(at, "/lifecycle/activate"), "POST"), Delete: allow(href(at), "DELETE")}
}

func (k *key) kid() string {
	if k.Kid != "" {
		return k.Kid
	}
	return k.ID
}

func (c *call) keysURL(a *agent) string { return c.base + agents + "/" + a.ID + "/credentials/jwks" }

func listAgentKeys(c *call) answer {
	a, no := c.shownAgent()
	if no != nil {
		return *no
	}
	keys := each(a.Keys, func(k *key) jwk { return keyView(k, c.keysURL(a)) })
	return ok(listBody[jwk]{Data: keys, Links: c.pageLinks("")})
}

// agentKey finds the agent and the key that the path names.
func (c *call) agentKey() (*agent, *key, *answer) {
	a, no := c.shownAgent()
	if no != nil {
		return nil, nil, no
	}
	id := c.r.PathValue("key")
	k := find(a.Keys, func(k *key) bool { return k.ID == id })
	if k == nil {
		no := notFound(id, "WorkloadPrincipalCredential")
		return nil, nil, &no
	}
	return a, k, nil
}

func getAgentKey(c *call) answer {
	a, k, no := c.agentKey()
	if no != nil {
		return *no
	}
	return ok(keyView(k, c.keysURL(a)))
}

func addAgentKey(c *call) answer {
	a, no := c.shownAgent()
	if no != nil {
		return *no
	}
	var w jwk
	if no, fine := c.decode(&w, "application/json"); !fine {
		return no
	}
	switch {
	case len(a.Keys) >= maxKeys:
		return invalid("jwks", "an AI agent can't have more than 50 keys.")
	case w.Kty != "RSA" && w.Kty != "EC":
		return invalid("kty", "must be RSA or EC.")
	case w.Kid == "":
		return invalid("kid", "must not be empty.")
	case find(a.Keys, func(k *key) bool { return k.kid() == w.Kid }) != nil:
		return invalid("kid", "a key with this kid exists already.")
	}
	k := &key{ID: c.st.id("pks"), Kid: w.Kid, Status: "ACTIVE", EC: w.Kty == "EC", N: w.N, X: w.X, Y: w.Y}
	if w.Status == "INACTIVE" {
		k.Status = w.Status
	}
	c.addKey(a, k, c.actor())
	a2 := ok(keyView(k, c.keysURL(a)))
	a2.status = http.StatusCreated
	return a2
}

func (s *Sandbox) addKey(a *agent, k *key, by *user) {
	k.Created, k.Updated = s.st.Clock, s.st.Clock
	a.Keys = append(a.Keys, k)
	s.logAgent("workload_principal.ai_agent.credential.create", a, by, logTarget{ID: k.ID, Type: "WorkloadPrincipalCredential", DisplayName: k.kid()})
}

func activateAgentKey(c *call) answer   { return c.switchKey("ACTIVE", "activate") }
func deactivateAgentKey(c *call) answer { return c.switchKey("INACTIVE", "deactivate") }

func (c *call) switchKey(status, verb string) answer {
	a, k, no := c.agentKey()
	if no != nil {
		return *no
	}
	if k.Status != status {
		k.Status, k.Updated = status, later(c.now, k.Updated)
		c.logAgent("workload_principal.ai_agent.credential."+verb, a, c.actor(), logTarget{ID: k.ID, Type: "WorkloadPrincipalCredential", DisplayName: k.kid()})
	}
	return ok(keyView(k, c.keysURL(a)))
}

func deleteAgentKey(c *call) answer {
	a, k, no := c.agentKey()
	if no != nil {
		return *no
	}
	if k.Status != "INACTIVE" {
		return invalid("status", "only an inactive key can be deleted.")
	}
	c.removeKey(a, k, c.actor())
	return answer{status: http.StatusNoContent}
}

func (s *Sandbox) removeKey(a *agent, k *key, by *user) {
	a.Keys = without(a.Keys, k)
	s.logAgent("workload_principal.ai_agent.credential.delete", a, by, logTarget{ID: k.ID, Type: "WorkloadPrincipalCredential", DisplayName: k.kid()})
}
