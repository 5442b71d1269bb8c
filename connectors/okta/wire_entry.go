package okta

import (
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// wireEntry is an entry of the System Log, as far as it is kept: ids and words of the vendor's. Names, addresses and places of
// persons are not, and of debugContext, which may hold anything, only the AI agent that the request's path names.
type wireEntry struct {
	UUID      text            `json:"uuid"`
	Published text            `json:"published"`
	Type      text            `json:"eventType"`
	Message   text            `json:"displayMessage,omitzero"`
	Actor     wireParty       `json:"actor"`
	Client    wireParty       `json:"client,omitzero"`
	Outcome   wireOutcome     `json:"outcome"`
	Targets   []wireLogTarget `json:"target,omitzero"`
	Action    wireAction      `json:"transaction,omitzero"`
	Debug     wireDebug       `json:"debugContext,omitzero"`
}

type wireParty struct {
	ID   text `json:"id,omitzero"`
	Type text `json:"type,omitzero"`
}

type wireOutcome struct {
	Result text `json:"result"`
}

// wireLogTarget is what an entry is about. The order of targets is not stable, and their types are not settled.
type wireLogTarget struct {
	ID     text           `json:"id,omitzero"`
	Type   text           `json:"type,omitzero"`
	Detail jsontext.Value `json:"detailEntry,omitzero"`
}

type wireAction struct {
	ID     text `json:"id,omitzero"`
	Detail struct {
		Token text `json:"requestApiTokenId,omitzero"`
	} `json:"detail,omitzero"`
}

type wireDebug struct {
	Data struct {
		URI text `json:"requestUri,omitzero"`
	} `json:"debugData,omitzero"`
}

// parseEntry reads an entry. Without an id, a type and a time it is none.
func parseEntry(item jsontext.Value) (e wireEntry, err error) {
	if err := json.Unmarshal(item, &e); err != nil {
		return e, err
	}
	e.reduce()
	if e.UUID == "" || e.Type == "" || e.Published.time().IsZero() {
		return e, errors.New("it has no uuid, eventType or published")
	}
	return e, nil
}

// reduce drops what is not to be kept. Ids and words may turn out to be addresses: an id that is an e-mail address is dropped
// like the address itself.
func (e *wireEntry) reduce() {
	agent := idIn(pathOf(string(e.Debug.Data.URI)))
	if e.Debug.Data.URI = ""; agent != "" {
		e.Debug.Data.URI = text(agentsPath + "/" + agent)
	}
	kept := []*text{&e.UUID, &e.Published, &e.Type, &e.Message, &e.Actor.ID, &e.Actor.Type, &e.Client.ID, &e.Client.Type,
		&e.Outcome.Result, &e.Action.ID, &e.Action.Detail.Token}
	for i := range e.Targets {
		e.Targets[i].Detail = onlyORN(e.Targets[i].Detail)
		kept = append(kept, &e.Targets[i].ID, &e.Targets[i].Type)
	}
	for _, t := range kept {
		if personal(string(*t)) {
			*t = ""
		}
	}
}

var (
	address = regexp.MustCompile(`\S@\S|[0-9]{1,3}(\.[0-9]{1,3}){3}`) // of mail, and of IP version 4 with whatever follows it
	ipParts = regexp.MustCompile(`[0-9A-Fa-f:]{3,}`)                  // may be one of version 6
)

// personal reports whether a text holds an e-mail or IP address.
func personal(s string) bool {
	return address.MatchString(s) || slices.ContainsFunc(ipParts.FindAllString(s, -1), func(part string) bool {
		_, err := netip.ParseAddr(part)
		return err == nil
	})
}

// onlyORN keeps of a target's details the first ORN, which names the thing for certain.
func onlyORN(detail jsontext.Value) jsontext.Value {
	fields := optional[map[string]text](detail)
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if strings.HasPrefix(string(fields[name]), "orn:") && !personal(string(fields[name])) {
			b, err := events.Marshal(map[string]string{"orn": string(fields[name])})
			if err == nil {
				return b
			}
		}
	}
	return nil
}

func (t *wireLogTarget) orn() string {
	if strings.HasPrefix(string(t.ID), "orn:") {
		return string(t.ID)
	}
	return string(optional[map[string]text](t.Detail)["orn"])
}

// named are the AI agents and the apps that an entry is about. Ids tell them apart, types do not. A gateway has an id like an
// agent's; its ORN tells, if there is one. Each is told once, sorted.
func (e *wireEntry) named() (agents, apps []string) {
	for i := range e.Targets {
		id, orn := string(e.Targets[i].ID), e.Targets[i].orn()
		switch agent := agentOf(orn); {
		case isID(agent, "wlp"):
			agents = append(agents, agent)
		case isID(id, "wlp") && !strings.Contains(orn, ":workload-principals:"):
			agents = append(agents, id)
		case isID(id, "0oa"):
			apps = append(apps, id)
		}
	}
	if id := idIn(string(e.Debug.Data.URI)); len(agents) == 0 && id != "" {
		agents = append(agents, id)
	}
	return sortedOnce(agents), sortedOnce(apps)
}

// parties are the AI agents and the apps that did it.
func (e *wireEntry) parties() (agents, apps []string) {
	for _, id := range []string{string(e.Actor.ID), string(e.Client.ID)} {
		switch {
		case isID(id, "wlp"):
			agents = append(agents, id)
		case isID(id, "0oa"):
			apps = append(apps, id)
		}
	}
	return agents, apps
}

// isID reports whether a text is an id of the kind that a prefix tells: letters and digits.
func isID(s, prefix string) bool {
	return strings.HasPrefix(s, prefix) && strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

func sortedOnce(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// idIn is the agent's id in the path of a request to the agents' API, or empty.
func idIn(path string) string {
	_, rest, ok := strings.Cut(path, agentsPath+"/")
	id, _, _ := strings.Cut(rest, "/")
	if !ok || !isID(id, "wlp") {
		return ""
	}
	return id
}

// ornOf is the ORN that an entry tells of an agent, or empty.
func (e *wireEntry) ornOf(id string) string {
	for i := range e.Targets {
		if orn := e.Targets[i].orn(); agentOf(orn) == id {
			return orn
		}
	}
	return ""
}

// actor is who did it. Where a client asked for a token, the client acted for the person that the entry calls the actor.
func (e *wireEntry) actor() *events.Actor {
	if e.Actor.ID == "" && e.Client.ID == "" {
		return nil
	}
	actor := &events.Actor{ID: string(e.Actor.ID), Type: string(e.Actor.Type)}
	if e.Client.ID == "" || e.Client.ID == e.Actor.ID {
		return actor
	}
	if e.Actor.ID == "" {
		actor = nil
	}
	return &events.Actor{ID: string(e.Client.ID), Type: "client", OnBehalf: actor}
}
