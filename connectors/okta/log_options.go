package okta

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Which activities the log feed publishes.
const (
	activitiesNone  = "none"  // the log only tells what to read again
	activitiesAdmin = "admin" // what administrators, people or agents, did
	activitiesAll   = "all"   // and tokens, sign-ins, consents and signals of risk: one for each token
)

// logOptions are what a connection sets about the log.
type logOptions struct {
	activities string
	perMinute  int           // activities of one minute
	since      time.Duration // how far before the first start activities are read
}

func defaultLogOptions() logOptions { return logOptions{activities: activitiesAdmin, perMinute: 600} }

// set reads one option.
func (o *logOptions) set(name, value string) error {
	var err error
	switch name {
	case "activities":
		if o.activities = value; value != activitiesNone && value != activitiesAdmin && value != activitiesAll {
			return fmt.Errorf("okta: option activities is %q: use none, admin or all", value)
		}
	case "activities_per_minute":
		if o.perMinute, err = strconv.Atoi(value); err != nil || o.perMinute < 1 || o.perMinute > 100_000 {
			return fmt.Errorf("okta: option activities_per_minute is %q: give a number from 1 to 100000", value)
		}
	case "log_since":
		if o.since, err = time.ParseDuration(value); err != nil || o.since < 0 || o.since > logRetention {
			return fmt.Errorf("okta: option log_since is %q: give a duration up to %v, the time that Okta keeps its log, such as 24h",
				value, logRetention)
		}
	}
	return nil
}

// Beginnings of the event types that the feed asks for.
var (
	// stateTypes tell of something that the feeds show. Those of AI agents come in two spellings, of which both begin alike.
	stateTypes = []string{"workload_principal.", "resource.owner.", "application.lifecycle.", "app.oauth2.client.",
		"app.oauth2.credentials.", "app.oauth2.admin.consent.", "app.ai_agent_provider.import.", "system.api_token.",
		"user.lifecycle.", "user.account.update_profile", "group.lifecycle.", "group.profile."}

	// aboutTypes tell what administrators do around agents: imports, and servers that agents are or use. They are rare.
	aboutTypes = []string{"app.ai_agent_provider.", "app.cross_app_access.", "resource_servers."}

	// adminTypes are what an agent may do as an administrator.
	adminTypes = []string{"user.lifecycle.", "user.account.", "user.authentication.universal_logout", "group.", "application.", "app.", "iam.",
		"policy.", "system.", "certification.", "pam.", "event_hook."}

	// tokenTypes are tokens that are given to agents and to service apps, refused to them or taken from them.
	tokenTypes = []string{"app.oauth2.token.", "app.oauth2.as.token.", "app.oauth2.consent.", "app.oauth2.as.consent.",
		"app.oauth2.invalid_client_credentials"}
)

// filter is the log's filter. It is part of every next link, so the cursor keeps its digest.
func (o *logOptions) filter() string {
	switch o.activities {
	case activitiesNone:
		return anyType(stateTypes)
	case activitiesAll:
		return anyType(stateTypes, aboutTypes, tokenTypes) + ` or actor.id sw "wlp"`
	}
	return anyType(stateTypes, aboutTypes) + ` or (actor.id sw "wlp" and (` + anyType(adminTypes) + `))`
}

func anyType(beginnings ...[]string) string {
	var parts []string
	for _, b := range slices.Concat(beginnings...) {
		parts = append(parts, `eventType sw "`+b+`"`)
	}
	return strings.Join(parts, " or ")
}

// wants reports whether activities of a type are published. What nobody understands is always.
func (o *logOptions) wants(activity string) bool {
	switch activity {
	case activityUnknown:
		return true
	case activityAdmin:
		return o.activities != activitiesNone
	}
	return o.activities == activitiesAll
}
