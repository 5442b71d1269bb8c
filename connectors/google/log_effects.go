package google

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// What a signal says to read again.
const (
	readAccount       = "account"
	readKeys          = "keys"
	readAccountPolicy = "account_policy"
	readPolicy        = "policy" // of a project, a folder or an organization
	readEngine        = "engine"
	readEnginePolicy  = "engine_policy"
	readRun           = "run_service"
	readGemini        = "gemini_agent"
	readBinding       = "binding"
	readProvider      = "auth_provider"
	readRegistered    = "registry_service"

	readRunPolicy      = "run_policy"
	readAppPolicy      = "app_policy"
	readProviderPolicy = "provider_policy"
	readPoolPolicy     = "pool_policy"
)

// signal is something that log entries have named and that is to be read again, and what of the entries is evidence for it.
type signal struct {
	What    string        `json:"what"`
	ID      string        `json:"id"`               // an account's uniqueId or email, a resource's name
	Project string        `json:"project,omitzero"` // as the connection spells it
	LogID   string        `json:"log"`              // the last entry
	At      time.Time     `json:"at"`
	Actor   *events.Actor `json:"actor,omitzero"`
	Gone    bool          `json:"gone,omitzero"` // the entry says that it was deleted
	Want    string        `json:"want,omitzero"` // how to know that what is read shows the change: one of the want constants
	Told    []told        `json:"told,omitzero"` // policies: what each of the entries says has changed
	Bare    bool          `json:"bare,omitzero"` // policies: an entry does not say what has changed
	Also    []string      `json:"also,omitzero"` // earlier entries about the same
	Tries   int           `json:"tries,omitzero"`
	Skip    int           `json:"skip,omitzero"` // so many polls go by before it is read again
}

// told is what one entry says of a policy.
type told struct {
	LogID  string        `json:"log"`
	At     time.Time     `json:"at"`
	Actor  *events.Actor `json:"actor,omitzero"`
	Deltas []delta       `json:"deltas"`
}

const (
	wantActive   = "active"
	wantDisabled = "disabled"
	wantNewer    = "newer" // its time of change is the entry's or later
	wantAgain    = "again" // nothing in it tells: it is read once more a little later, since IAM's answers may be behind
	wantThere    = "there" // it was made: not found is an answer that came too early
	mostDeltas   = 100     // a policy entry with more of them is no evidence for each
	mostTold     = 20      // entries about one policy between two readings
	mostAlso     = 5       // earlier entries that a signal names
	mostHolders  = 20      // agents that one entry is told of

)

// effect is what a method says: what to read again, and how to know that Google shows it already.
type effect struct {
	reads  []string
	want   string
	gone   bool
	wakes  []string // feeds that show what the entry does not name, or nothing else reads alone
	lagged []string // feeds that show it minutes later, or whose passes have to agree on it
}

// effects are the methods that tell of something that is read here, by service and last part of the name, in lower case.
//
// Sources: docs.cloud.google.com/iam/docs/audit-logging, .../audit-logging-agentidentity, .../agent-registry/audit-logging,
// .../generative-ai-app-builder/docs/audit-logging. Names of engines' and Cloud Run's methods follow their protos and are not
// confirmed; the match leaves out the package and the version, of which several are in use.
var effects = map[string]effect{
	"iam/createserviceaccount":   {reads: []string{readAccount}, want: wantThere},
	"iam/undeleteserviceaccount": {reads: []string{readAccount, readKeys, readAccountPolicy}, want: wantThere, wakes: policyFeeds},
	"iam/deleteserviceaccount":   {reads: []string{readAccount, readPolicy}, gone: true}, // its bindings are spelled otherwise from now on
	"iam/disableserviceaccount":  {reads: []string{readAccount}, want: wantDisabled},
	"iam/enableserviceaccount":   {reads: []string{readAccount}, want: wantActive},
	"iam/patchserviceaccount":    {reads: []string{readAccount}, want: wantAgain},
	"iam/updateserviceaccount":   {reads: []string{readAccount}, want: wantAgain},

	"iam/createserviceaccountkey":  {reads: []string{readKeys}, want: wantAgain},
	"iam/uploadserviceaccountkey":  {reads: []string{readKeys}, want: wantAgain},
	"iam/deleteserviceaccountkey":  {reads: []string{readKeys}, want: wantAgain},
	"iam/disableserviceaccountkey": {reads: []string{readKeys}, want: wantAgain},
	"iam/enableserviceaccountkey":  {reads: []string{readKeys}, want: wantAgain},

	"cloudresourcemanager/setiampolicy": {reads: []string{readPolicy}, want: wantAgain},

	"aiplatform/createreasoningengine": {reads: []string{readEngine}, want: wantThere, lagged: []string{feedRegistryAgents}},
	"aiplatform/updatereasoningengine": {reads: []string{readEngine}, want: wantNewer, lagged: []string{feedRegistryAgents}},
	"aiplatform/deletereasoningengine": {reads: []string{readEngine}, gone: true, lagged: []string{feedRegistryAgents}},

	"agentregistry/createservice": {reads: []string{readRegistered}, want: wantThere, lagged: []string{feedRegistryAgents, feedRegistryServices}},
	"agentregistry/updateservice": {reads: []string{readRegistered}, want: wantNewer, lagged: []string{feedRegistryAgents}},
	"agentregistry/deleteservice": {reads: []string{readRegistered}, gone: true, lagged: []string{feedRegistryAgents}},

	"agentregistry/createbinding": {reads: []string{readBinding}, want: wantThere},
	"agentregistry/updatebinding": {reads: []string{readBinding}, want: wantAgain},
	"agentregistry/deletebinding": {lagged: []string{feedRegistryBindings}}, // what it was the grant of, only the list tells

	// Most services are no agents: whether the registry is to be read, reading the service tells.
	"run/createservice":  {reads: []string{readRun}, want: wantThere},
	"run/replaceservice": {reads: []string{readRun}, want: wantNewer},
	"run/updateservice":  {reads: []string{readRun}, want: wantNewer},
	"run/deleteservice":  {reads: []string{readRun}, gone: true},

	"discoveryengine/createagent":         {reads: []string{readGemini}, want: wantThere, lagged: []string{feedRegistryAgents}},
	"discoveryengine/updateagent":         {reads: []string{readGemini}, want: wantNewer, lagged: []string{feedRegistryAgents}},
	"discoveryengine/deleteagent":         {reads: []string{readGemini}, gone: true, lagged: []string{feedRegistryAgents}},
	"discoveryengine/createauthorization": {wakes: []string{feedGeminiAgents}},
	"discoveryengine/updateauthorization": {wakes: []string{feedGeminiAgents}},
	"discoveryengine/deleteauthorization": {wakes: []string{feedGeminiAgents}},
	"discoveryengine/createassistant":     {wakes: []string{feedGeminiAgents}},
	"discoveryengine/updateassistant":     {},
	"discoveryengine/deleteassistant":     {lagged: []string{feedGeminiAgents}},
	"discoveryengine/createengine":        {wakes: []string{feedGeminiAgents}},
	"discoveryengine/updateengine":        {},
	"discoveryengine/deleteengine":        {lagged: []string{feedGeminiAgents}},

	"agentidentity/createauthprovider":   {reads: []string{readProvider}, want: wantAgain},
	"agentidentity/updateauthprovider":   {reads: []string{readProvider}, want: wantAgain},
	"agentidentity/deleteauthprovider":   {reads: []string{readProvider}, want: wantAgain},
	"agentidentity/undeleteauthprovider": {reads: []string{readProvider, readProviderPolicy}, want: wantAgain},
	"agentidentity/enableauthprovider":   {reads: []string{readProvider}, want: wantAgain},
	"agentidentity/disableauthprovider":  {reads: []string{readProvider}, want: wantAgain},
	"agentidentity/revokeauthorization":  {reads: []string{readProvider}, want: wantAgain},
	"agentidentity/deleteauthorization":  {reads: []string{readProvider}, want: wantAgain},
}

// agentServices are those of which a method that is not known here may be about an agent: it is told as an unknown activity.
var agentServices = []string{"agentidentity", "agentregistry", "aiplatform", "discoveryengine"}

// effect is what the entry's method says. SetIamPolicy is everywhere: which policy it is the resource tells.
func (e *logEntry) effect() effect {
	if f, ok := effects[e.service()+"/"+e.method()]; ok {
		return f
	}
	if e.service() == "iam" && strings.Contains(e.method(), "workloadidentitypool") { // who vouches for whom in the accounts' policies
		if strings.HasSuffix(e.method(), "workloadidentitypool") { // a pool itself, which may be deleted or back
			return effect{wakes: []string{feedAccountPolicies, feedPoolPolicies}}
		}
		return effect{wakes: []string{feedAccountPolicies}}
	}
	if !isPolicyMethod(e.method()) {
		return effect{}
	}
	switch {
	case e.service() == "iam" && accountIn.MatchString(e.Audit.Resource):
		return effect{reads: []string{readAccountPolicy}, want: wantAgain}
	case e.service() == "aiplatform" && engineIn.MatchString(e.Audit.Resource):
		return effect{reads: []string{readEnginePolicy}, want: wantAgain}
	case e.service() == "run" && strings.Contains(e.Audit.Resource, "/services/"):
		return effect{reads: []string{readRunPolicy}, want: wantAgain}
	case e.service() == "discoveryengine" && appIn.MatchString(e.Audit.Resource):
		return effect{reads: []string{readAppPolicy}, want: wantAgain}
	case e.service() == "agentidentity" && providerIn.MatchString(e.Audit.Resource):
		return effect{reads: []string{readProviderPolicy}, want: wantAgain}
	case e.service() == "iam" && poolIn.MatchString(e.Audit.Resource):
		return effect{reads: []string{readPoolPolicy}, want: wantAgain}
	}
	return effect{}
}

func isPolicyMethod(method string) bool {
	return method == "setiampolicy" || method == "setiampermissions"
}

// isKnown reports whether the entry's method is one whose meaning is known here, or one that is never about an agent.
func (e *logEntry) isKnown() bool {
	_, known := effects[e.service()+"/"+e.method()]
	return known || isPolicyMethod(e.method()) || !slices.Contains(agentServices, e.service())
}

// policyOf finds the resource of a policy of the resource manager's.
var policyOf = regexp.MustCompile(`(projects|folders|organizations)/[A-Za-z0-9._:-]+$`)

// target is what a signal of the entry names, by what it says to read; false when the entry does not tell.
func (e *logEntry) target(what string) (id string, ok bool) {
	switch what {
	case readAccount, readKeys, readAccountPolicy:
		id = e.account()
		return id, name.MatchString(id)
	case readEngine, readEnginePolicy:
		id = e.named(engineIn)
	case readGemini:
		id = e.named(geminiIn)
	case readBinding:
		id = e.named(bindingIn)
	case readProvider, readProviderPolicy:
		id = e.named(providerIn)
	case readAppPolicy:
		id = e.named(appIn)
	case readPoolPolicy:
		id = e.named(poolIn)
	case readRegistered:
		id = e.named(serviceIn)
	case readRun, readRunPolicy:
		id = e.runService()
	case readPolicy:
		if id = policyOf.FindString(e.Audit.Resource); id == "" && e.label("project_id") != "" {
			id = "projects/" + e.label("project_id")
		}
	}
	return id, id != "" && plainPath(id)
}

// signals are what an entry says to read again. An attempt that failed changes nothing. The first entry of a long-running call comes
// before its effect: what is read then proves nothing.
func (f *auditLog) signals(ctx context.Context, e *logEntry, actor *events.Actor) ([]signal, error) {
	says := e.effect()
	if e.failed() {
		return nil, nil
	}
	var out []signal
	for _, what := range says.reads {
		if slices.Contains(f.client.skip, auditOf[what]) {
			continue
		}
		id, ok := e.target(what)
		if !ok {
			f.wakes = append(f.wakes, auditOf[what])
			continue
		}
		s := signal{What: what, ID: id, LogID: e.id(), At: e.at, Actor: actor, Gone: says.gone, Want: says.want}
		if e.begun() {
			s.Gone, s.Want = false, ""
		}
		if d := e.deltas(); len(d) > 0 && len(d) <= mostDeltas {
			s.Told = []told{{s.LogID, s.At, s.Actor, d}}
		}
		s.Bare = len(s.Told) == 0
		mine, err := f.locate(ctx, e, &s)
		if err != nil {
			return nil, err
		}
		if mine {
			out = append(out, s)
		}
	}
	return out, nil
}

// locate spells the project of a signal as the connection does, and reports whether it is one of the connection's.
func (f *auditLog) locate(ctx context.Context, e *logEntry, s *signal) (bool, error) {
	project := e.project()
	switch s.What {
	case readEngine, readEnginePolicy, readRun, readRunPolicy, readGemini, readAppPolicy, readBinding, readProvider, readProviderPolicy, readPoolPolicy,
		readRegistered:
		project = strings.Split(s.ID, "/")[1]
	case readPolicy:
		level, id, _ := strings.Cut(s.ID, "/")
		if level != "projects" {
			return true, nil
		}
		project = id
	}
	spelled, err := f.client.dir.spell(ctx, project)
	if err != nil || spelled == "" {
		return false, err
	}
	switch s.Project = spelled; s.What {
	case readPolicy:
		s.ID = "projects/" + spelled
	case readEngine, readEnginePolicy, readGemini, readAppPolicy, readPoolPolicy: // which are named by the number of their project
		s.ID = inProject(s.ID, f.client.dir.number(spelled))
	case readRunPolicy, readProviderPolicy, readRegistered: // one thing is read once, however entries spell its project
		s.ID = inProject(s.ID, spelled)
	}
	return true, nil
}

// auditOf is the feed that shows what a signal says to read.
var auditOf = map[string]string{
	readAccount: feedServiceAccounts, readKeys: feedServiceAccountKeys, readPolicy: feedIAMPolicies, readEngine: feedReasoningEngines,
	readAccountPolicy: feedAccountPolicies, readEnginePolicy: feedEnginePolicies, readRun: feedRunAgents, readGemini: feedGeminiAgents,
	readBinding: feedRegistryBindings, readProvider: feedDelegations, readRunPolicy: feedRunPolicies, readAppPolicy: feedAppPolicies,
	readProviderPolicy: feedProviderPolicies, readPoolPolicy: feedPoolPolicies, readRegistered: feedRegistryServices,
}

// add puts a signal on the list. One thing is read once for all entries about it: the last of them is the evidence. What each
// entry says of a policy is kept.
func (c *logCursor) add(s signal) {
	n := slices.IndexFunc(c.Todo, func(t signal) bool { return t.What == s.What && t.ID == s.ID })
	if n < 0 {
		c.Todo = append(c.Todo, s)
		return
	}
	old := c.Todo[n]
	if old.LogID == s.LogID {
		return
	}
	if s.At.Before(old.At) {
		old, s = s, old
	}
	s.Told = append(slices.Clone(old.Told), s.Told...)
	s.Bare = s.Bare || old.Bare || len(s.Told) > mostTold
	s.Told = s.Told[max(0, len(s.Told)-mostTold):]
	s.Also = append(slices.Clone(old.Also), old.LogID)
	s.Also = s.Also[max(0, len(s.Also)-mostAlso):]
	s.Tries, s.Skip = 0, 0
	c.Todo[n] = s
}

// hasFresh reports whether something was named and not read since.
func (c *logCursor) hasFresh() bool {
	return slices.ContainsFunc(c.Todo, func(s signal) bool { return s.Tries == 0 })
}

// prove writes a signal's entry into a record's context.
func (s *signal) prove(r *connectors.Record) {
	note := ""
	if len(s.Also) > 0 {
		note = "told by the earlier log entries " + strings.Join(s.Also, ", ") + " as well"
	}
	prove(r, s.LogID, s.At, s.Actor, note)
}
