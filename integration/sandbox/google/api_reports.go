package google

import (
	"slices"
	"strings"
	"time"
)

// reported are the applications that the report of activities knows; only token, login, admin and Gemini's have any here.
var reported = []string{"access_transparency", "admin", "calendar", "chat", "drive", "gcp", "gmail", "groups", "login", "meet", "mobile",
	"rules", "saml", "token", "user_accounts", "context_aware_access", "chrome", "gemini_in_workspace_apps", "workspace_studio", "vault"}

// activityJSON is an Activity of admin/reports/v1.
type activityJSON struct {
	Kind            string      `json:"kind"`
	ID              recordJSON  `json:"id"`
	Etag            string      `json:"etag"`
	Actor           actorJSON   `json:"actor"`
	IPAddress       string      `json:"ipAddress,omitempty"`
	IsAgenticAction bool        `json:"isAgenticAction,omitempty"`
	Events          []eventJSON `json:"events"`
}

type recordJSON struct {
	Time            string `json:"time"`
	UniqueQualifier string `json:"uniqueQualifier"`
	ApplicationName string `json:"applicationName"`
	CustomerID      string `json:"customerId"`
}

type actorJSON struct {
	Email                string           `json:"email"`
	ProfileID            string           `json:"profileId"`
	AgentAttributionInfo *attributionJSON `json:"agentAttributionInfo,omitempty"`
}

type attributionJSON struct {
	AgentID    string             `json:"agentId"`
	AgentName  string             `json:"agentName"`
	AgentType  string             `json:"agentType"`
	AgentOwner *agentOwnerOfAgent `json:"agentOwner,omitempty"`
}

type agentOwnerOfAgent struct {
	Email string `json:"email"`
}

type eventJSON struct {
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	Parameters []parameterJSON `json:"parameters,omitempty"`
}

type parameterJSON struct {
	Name       string   `json:"name"`
	Value      string   `json:"value,omitempty"`
	MultiValue []string `json:"multiValue,omitempty"`
}

func (a *activity) json(s *state) activityJSON {
	j := activityJSON{Kind: "audit#activity", ID: recordJSON{a.Time.Format("2006-01-02T15:04:05.000Z"), a.qualifier(), a.Application, s.customer()},
		Etag: `"` + etag("activity", a.qualifier(), 1) + `"`, Actor: actorJSON{Email: a.User, ProfileID: profile(a.User)}, IPAddress: "198.51.100.4"}
	if a.Agent != nil {
		j.IsAgenticAction = true
		j.Actor.AgentAttributionInfo = &attributionJSON{a.Agent.ID, a.Agent.Name, "GEMINI_ENTERPRISE", &agentOwnerOfAgent{a.Agent.Owner}}
	}
	e := eventJSON{Type: "auth", Name: a.Event}
	if a.Application == "login" {
		e.Type, e.Parameters = "login", []parameterJSON{{Name: "login_type", Value: "google_password"}}
	} else if a.Application == "admin" {
		e.Type, e.Parameters = "DOMAIN_SETTINGS", []parameterJSON{{Name: "API_CLIENT_NAME", Value: a.Client}}
		if len(a.Scopes) > 0 {
			e.Parameters = append(e.Parameters, parameterJSON{Name: "API_SCOPES", Value: strings.Join(a.Scopes, ",")},
				parameterJSON{Name: "DOMAIN_NAME", Value: s.Domain})
		}
	} else if a.Application != "token" {
		e.Type, e.Parameters = "agent", []parameterJSON{{Name: "app_name", Value: "docs"}}
	} else {
		e.Parameters = []parameterJSON{{Name: "client_id", Value: a.Client}, {Name: "app_name", Value: a.ClientName}, {Name: "scope", MultiValue: a.Scopes}}
	}
	j.Events = []eventJSON{e}
	return j
}

// listActivities reports what was done, the newest first, by the time of the event, whatever the time of arrival.
func listActivities(c *call) (any, *apiError) {
	application, user := c.vars["application"], c.vars["user"]
	if !slices.Contains(reported, application) {
		return nil, legacy(400, "Bad Request", "invalid", "global")
	}
	keep, e := c.activityFilter()
	if e != nil {
		return nil, e
	}
	size, e := c.query.number("maxResults", 0)
	if e == nil && (size < 0 || size > 1000) {
		e = legacy(400, "Invalid value '"+c.query.get("maxResults")+"'. Values must be within the range: [1, 1000]", "invalidParameter", "global")
	}
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[*activity, activityJSON]{
		pager: pager{fallback: 1000, max: 1000, size: size, token: c.query.get("pageToken"), body: true},
		all:   c.Activities,
		in: func(a *activity) bool {
			old := c.now.Sub(a.Time) > reportRetention
			return a.Application == application && !old && !c.now.Before(a.Visible) && keep(a) &&
				(user == "all" || user == profile(a.User) || strings.EqualFold(user, a.User))
		},
		key:  (*activity).key,
		desc: true,
		show: func(a *activity) activityJSON { return a.json(c.state) },
	})
	return struct {
		Kind          string         `json:"kind"`
		Etag          string         `json:"etag"`
		Items         []activityJSON `json:"items,omitempty"`
		NextPageToken string         `json:"nextPageToken,omitempty"`
	}{"reports#activities", `"` + etag("activities", application, len(found)) + `"`, found, next}, e
}

// activityFilter reads the parameters that narrow a report. Those that are not imitated are refused, not ignored.
func (c *call) activityFilter() (func(*activity) bool, *apiError) {
	for _, name := range []string{"actorIpAddress", "applicationInfoFilter", "deviceFilter", "filters", "groupIdFilter", "includeSensitiveData",
		"networkInfoFilter", "orgUnitID", "resourceDetailsFilter", "statusFilter"} {
		if c.query.get(name) != "" {
			return nil, legacy(400, "The parameter "+name+" is not imitated.", "invalidParameter", "global")
		}
	}
	if id := c.query.get("customerId"); id != "" && id != c.customer() {
		return nil, legacy(403, "Not Authorized to access this resource/api", "forbidden", "global")
	}
	var from, to time.Time
	for name, t := range map[string]*time.Time{"startTime": &from, "endTime": &to} {
		if text := c.query.get(name); text != "" {
			at, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return nil, legacy(400, "Invalid value '"+text+"' for "+name, "invalidParameter", "global")
			}
			*t = at
		}
	}
	if !to.IsZero() && !from.Before(to) || from.After(c.now) {
		return nil, legacy(400, "Start time must be before end time and now.", "invalid", "global")
	}
	agent, err := parseFilter(c.query.get("agentInfoFilter"))
	if err != nil {
		return nil, legacy(400, "Invalid agentInfoFilter", "invalidParameter", "global")
	}
	event := c.query.get("eventName")
	return func(a *activity) bool {
		if !from.IsZero() && a.Time.Before(from) || !to.IsZero() && a.Time.After(to) || event != "" && a.Event != event {
			return false
		}
		if agent == nil {
			return true
		}
		return a.Agent != nil && agent.match(map[string]any{"agentId": a.Agent.ID, "agentName": a.Agent.Name, "agentOwnerEmail": a.Agent.Owner})
	}, nil
}
