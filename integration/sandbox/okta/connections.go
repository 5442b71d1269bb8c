package okta

import (
	"net/http"
	"slices"
	"strings"
)

// managedConnection is what an agent may reach. Its members depend on connectionType.
type managedConnection struct {
	Type           string          `json:"connectionType"`
	ID             string          `json:"id"`
	ORN            string          `json:"orn"`
	Status         string          `json:"status"`
	Protocol       string          `json:"protocolType"`
	App            *connectedThing `json:"app,omitempty"`
	Server         *connectedThing `json:"authorizationServer,omitempty"`
	Secret         *connectedThing `json:"secret,omitempty"`
	Account        *connectedThing `json:"serviceAccount,omitempty"`
	ScopeCondition string          `json:"scopeCondition,omitempty"`
	Scopes         []string        `json:"scopes,omitempty"`
	Links          pageLinks       `json:"_links"`
}

type connectedThing struct {
	ORN       string     `json:"orn,omitempty"`
	Name      string     `json:"name,omitempty"`
	Path      string     `json:"path,omitempty"`
	Issuer    string     `json:"issuerUrl,omitempty"`
	Indicator string     `json:"resourceIndicator,omitempty"`
	Links     *pageLinks `json:"_links,omitempty"`
}

// The kinds of connection that the specification has.
const (
	toApp     = "IDENTITY_ASSERTION_APP_INSTANCE"
	toServer  = "IDENTITY_ASSERTION_CUSTOM_AS"
	toSecret  = "STS_VAULT_SECRET"
	toAccount = "STS_SERVICE_ACCOUNT"
)

func (c *call) connectionView(a *agent, n *connection) managedConnection {
	v := managedConnection{
		Type: n.Type, ID: n.ID, ORN: c.st.connectionORN(n.ID), Status: n.Status, Protocol: "IDENTITY_ASSERTION",
		ScopeCondition: n.ScopeCondition, Scopes: n.Scopes,
		Links: pageLinks{Self: href(c.base, agents, "/", a.ID, "/connections/", n.ID)},
	}
	// The self links of things in a connection are relative, a known bug of the live API.
	switch n.Type {
	case toApp:
		v.App = c.connectedApp(n.Target)
		v.Server = &connectedThing{Issuer: c.base + "/oauth2/default", Indicator: "https://" + n.Target + ".resource.example"}
	case toServer:
		v.Server = c.connectedServer(n.Target)
	case toSecret:
		v.Protocol = "STS"
		v.Secret = &connectedThing{
			ORN: "orn:okta:pam:" + c.st.Org + ":secrets:" + n.Account, Name: n.Name, Path: "/agents/" + n.Name,
			Links: &pageLinks{Self: href("/privileged-access/api/v1/secrets/", n.Account)},
		}
	case toAccount:
		v.Protocol, v.App = "STS", c.connectedApp(n.Target)
		v.Account = &connectedThing{
			ORN: "orn:okta:pam:" + c.st.Org + ":service-accounts:" + n.Account, Name: n.Name,
			Links: &pageLinks{Self: href("/privileged-access/api/v1/service-accounts/", n.Account)},
		}
	}
	return v
}

// connectedApp shows an app; one that is gone keeps its id, since Okta leaves stale connections.
func (c *call) connectedApp(id string) *connectedThing {
	t := &connectedThing{ORN: "orn:okta:idp:" + c.st.Org + ":apps:oidc_client:" + id, Name: "unknown", Links: &pageLinks{Self: href("/api/v1/apps/", id)}}
	if a := c.st.app(id); a != nil {
		t.ORN, t.Name = c.st.appORN(a), a.Label
	}
	return t
}

func (c *call) connectedServer(id string) *connectedThing {
	t := &connectedThing{
		ORN: c.st.serverORN(id), Name: "unknown", Issuer: c.base + "/oauth2/" + id,
		Links: &pageLinks{Self: href("/api/v1/authorizationServers/", id)},
	}
	if a := c.st.server(id); a != nil {
		t.Name, t.Indicator = a.Name, a.Audience
	}
	return t
}

func listConnections(c *call) answer {
	a, no := c.shownAgent()
	if no != nil {
		return *no
	}
	at := func(n *connection) place { return place{key: n.Seq} }
	items, next, refused := page(c, "connections", a.Connections, nil, paged, at)
	if refused != nil {
		return *refused
	}
	view := func(n *connection) managedConnection { return c.connectionView(a, n) }
	return c.linked(ok(listBody[managedConnection]{Data: each(items, view), Links: c.pageLinks(next)}), next)
}

// agentConnection finds the agent and the connection that the path names.
func (c *call) agentConnection() (*agent, *connection, *answer) {
	a, no := c.shownAgent()
	if no != nil {
		return nil, nil, no
	}
	id := c.r.PathValue("conn")
	n := find(a.Connections, func(n *connection) bool { return n.ID == id })
	if n == nil {
		no := notFound(id, "ResourceConnection")
		return nil, nil, &no
	}
	return a, n, nil
}

func getConnection(c *call) answer {
	a, n, no := c.agentConnection()
	if no != nil {
		return *no
	}
	return ok(c.connectionView(a, n))
}

func addConnection(c *call) answer {
	a, no := c.shownAgent()
	if no != nil {
		return *no
	}
	var w managedConnection
	if no, fine := c.decode(&w, "application/json"); !fine {
		return no
	}
	n := &connection{Type: w.Type, Status: "ACTIVE", ScopeCondition: w.ScopeCondition, Scopes: w.Scopes}
	things := map[string]*connectedThing{toApp: w.App, toServer: w.Server, toSecret: w.Secret, toAccount: w.Account}
	thing, known := things[w.Type]
	switch {
	case !known:
		return invalid("connectionType", "is not supported.")
	case thing == nil || thing.ORN == "":
		return invalid("orn", "the connected resource needs its ORN.")
	}
	tail := thing.ORN[strings.LastIndex(thing.ORN, ":")+1:]
	if n.Target = tail; w.Type == toSecret || w.Type == toAccount {
		n.Account, n.Name = tail, "imported-"+tail
	}
	if w.Type == toAccount && w.App != nil {
		n.Target = w.App.ORN[strings.LastIndex(w.App.ORN, ":")+1:]
	}
	c.connect(a, n, c.actor())
	created := ok(c.connectionView(a, n))
	created.status = http.StatusCreated
	return created
}

func (s *Sandbox) connect(a *agent, n *connection, by *user) {
	n.ID, n.Seq = s.st.id("mcn"), s.st.next()
	a.Connections = append(a.Connections, n)
	s.logConnection("create", a, n, by)
}

func (s *Sandbox) disconnect(a *agent, n *connection, by *user) {
	a.Connections = without(a.Connections, n)
	s.logConnection("delete", a, n, by)
}

func (s *Sandbox) logConnection(verb string, a *agent, n *connection, by *user) {
	s.logAgent("workload_principal.resource_connection."+verb, a, by,
		logTarget{ID: n.ID, Type: "WorkloadPrincipalResourceConnection", DisplayName: n.Type})
}

// patchConnection needs both members together; the live API answers 400 to one alone.
func patchConnection(c *call) answer {
	a, n, no := c.agentConnection()
	if no != nil {
		return *no
	}
	var w struct {
		ScopeCondition string   `json:"scopeCondition"`
		Scopes         []string `json:"scopes"`
	}
	if no, fine := c.decode(&w, "application/merge-patch+json"); !fine {
		return no
	}
	if w.Scopes == nil || !slices.Contains([]string{"ALL_SCOPES", "INCLUDE_ONLY", "EXCLUDE"}, w.ScopeCondition) {
		return invalid("scopeCondition", "scopes and scopeCondition must be given together.")
	}
	n.ScopeCondition, n.Scopes = w.ScopeCondition, w.Scopes
	c.logConnection("update", a, n, c.actor())
	return ok(c.connectionView(a, n))
}

func deleteConnection(c *call) answer {
	a, n, no := c.agentConnection()
	if no != nil {
		return *no
	}
	c.disconnect(a, n, c.actor())
	return answer{status: http.StatusNoContent}
}

func activateConnection(c *call) answer   { return c.switchConnection("ACTIVE", "activate") }
func deactivateConnection(c *call) answer { return c.switchConnection("INACTIVE", "deactivate") }

func (c *call) switchConnection(status, verb string) answer {
	a, n, no := c.agentConnection()
	if no != nil {
		return *no
	}
	if n.Status != status {
		n.Status = status
		c.logConnection(verb, a, n, c.actor())
	}
	return ok(c.connectionView(a, n))
}
