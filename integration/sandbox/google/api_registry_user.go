package google

// bindingJSON is a Binding of agentregistry/v1: agent X may call Y, with delegated credentials of a provider.
type bindingJSON struct {
	Name                string             `json:"name"`
	DisplayName         string             `json:"displayName,omitempty"`
	Source              identifierJSON     `json:"source"`
	Target              identifierJSON     `json:"target"`
	AuthProviderBinding *providerUsageJSON `json:"authProviderBinding,omitempty"`
	CreateTime          string             `json:"createTime"`
	UpdateTime          string             `json:"updateTime"`
}

type identifierJSON struct {
	Identifier string `json:"identifier"`
}

type providerUsageJSON struct {
	AuthProvider string   `json:"authProvider"`
	Scopes       []string `json:"scopes,omitempty"`
}

func (b *registryBinding) json() bindingJSON {
	j := bindingJSON{Name: b.name(), DisplayName: b.Title, Source: identifierJSON{b.Source}, Target: identifierJSON{b.Target},
		CreateTime: stamp(b.Created), UpdateTime: stamp(b.Created)}
	if b.Provider != "" {
		j.AuthProviderBinding = &providerUsageJSON{b.Provider, b.Scopes}
	}
	return j
}

func listBindings(c *call) (any, *apiError) {
	p, e := c.placeOf("agentregistry.bindings.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("name", "display_name", "description", "source", "target", "auth_provider_binding", "create_time",
		"update_time")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[*registryBinding, bindingJSON]{
		pager: pager{fallback: 500, max: 500},
		all:   c.Bindings,
		in:    func(b *registryBinding) bool { return b.Project == p.ProjectID && b.Location == c.vars["location"] },
		keep:  keep,
		key:   func(b *registryBinding) string { return b.ID },
		show:  (*registryBinding).json,
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Bindings      []bindingJSON `json:"bindings,omitempty"`
		NextPageToken string        `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

func getBinding(c *call) (any, *apiError) {
	p, e := c.placeOf("agentregistry.bindings.get")
	if e != nil {
		return nil, e
	}
	for _, b := range c.Bindings {
		if b.Project == p.ProjectID && b.Location == c.vars["location"] && b.ID == c.vars["binding"] {
			return b.json(), nil
		}
	}
	return nil, notFound("Resource 'projects/%s/locations/%s/bindings/%s' was not found", p.ProjectID, c.vars["location"],
		c.vars["binding"])
}

// serviceJSON is a Service of agentregistry/v1: what a user registered by hand.
type serviceJSON struct {
	Name             string          `json:"name"`
	DisplayName      string          `json:"displayName,omitempty"`
	Description      string          `json:"description,omitempty"`
	Interfaces       []interfaceJSON `json:"interfaces,omitempty"`
	AgentSpec        *agentSpecJSON  `json:"agentSpec,omitempty"`
	McpServerSpec    *agentSpecJSON  `json:"mcpServerSpec,omitempty"`
	EndpointSpec     *agentSpecJSON  `json:"endpointSpec,omitempty"`
	RegistryResource string          `json:"registryResource,omitempty"`
	CreateTime       string          `json:"createTime"`
	UpdateTime       string          `json:"updateTime"`
}

type agentSpecJSON struct {
	Type string `json:"type"`
}

func (m *manual) json(s *state) serviceJSON {
	j := serviceJSON{Name: m.name(), DisplayName: m.Title, Description: m.Description,
		Interfaces: []interfaceJSON{{m.URL, "HTTP_JSON"}}, CreateTime: stamp(m.Created), UpdateTime: stamp(m.Updated)}
	made := "projects/" + m.Project + "/locations/" + m.Location + "/" + m.Kind + "s/agentregistry-" + m.ID
	switch m.Kind {
	case "mcpServer":
		j.McpServerSpec, j.RegistryResource = &agentSpecJSON{"NO_SPEC"}, made
	case "endpoint":
		j.EndpointSpec, j.RegistryResource = &agentSpecJSON{"NO_SPEC"}, made
	default:
		j.AgentSpec = &agentSpecJSON{"NO_SPEC"}
		if r := s.registered(m.host()); r != nil {
			j.RegistryResource = r.name()
		}
	}
	return j
}

func listManual(c *call) (any, *apiError) {
	p, e := c.placeOf("agentregistry.services.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("name", "display_name", "description", "labels")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[*manual, serviceJSON]{
		pager: pager{fallback: 50, max: 1000},
		all:   c.Manual,
		in:    func(m *manual) bool { return m.Project == p.ProjectID && m.Location == c.vars["location"] },
		keep:  keep,
		key:   func(m *manual) string { return m.ID },
		show:  func(m *manual) serviceJSON { return m.json(c.state) },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Services      []serviceJSON `json:"services,omitempty"`
		NextPageToken string        `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

func getManual(c *call) (any, *apiError) {
	p, e := c.placeOf("agentregistry.services.get")
	if e != nil {
		return nil, e
	}
	for _, m := range c.Manual {
		if m.Project == p.ProjectID && m.Location == c.vars["location"] && m.ID == c.vars["service"] {
			return m.json(c.state), nil
		}
	}
	return nil, notFound("Resource 'projects/%s/locations/%s/services/%s' was not found", p.ProjectID, c.vars["location"],
		c.vars["service"])
}
