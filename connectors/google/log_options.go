package google

import (
	"fmt"
	"strconv"
	"time"
)

// Which activities the audit log's feed publishes.
const (
	activitiesNone  = "none"  // the log only tells what to read again
	activitiesAdmin = "admin" // what was done to agents, and by agents to what the feed asks for anyway
	activitiesAll   = "all"   // and what agents with an identity of their own did as administrators, in any service
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
			return fmt.Errorf("option activities is %q: use none, admin or all", value)
		}
	case "activities_per_minute":
		if o.perMinute, err = strconv.Atoi(value); err != nil || o.perMinute < 1 || o.perMinute > 100_000 {
			return fmt.Errorf("option activities_per_minute is %q: give a number from 1 to 100000", value)
		}
	case "log_since":
		if o.since, err = time.ParseDuration(value); err != nil || o.since < 0 || o.since > logRetention {
			return fmt.Errorf("option log_since is %q: give a duration up to %v, the time that Google keeps its log, such as 24h", value, logRetention)
		}
	}
	return nil
}

// stateFilter asks for the Admin Activity entries that tell of something that the feeds show. ":" finds a part of a text in any
// case.
const stateFilter = `protoPayload.serviceName=("iam.googleapis.com" OR "agentidentity.googleapis.com" OR "agentregistry.googleapis.com" OR ` +
	`"discoveryengine.googleapis.com") OR ` +
	`(protoPayload.serviceName="aiplatform.googleapis.com" AND (protoPayload.methodName:"ReasoningEngine" OR protoPayload.methodName:"AgentService")) OR ` +
	`(protoPayload.serviceName="run.googleapis.com" AND protoPayload.methodName:"Service") OR ` +
	`protoPayload.methodName:"SetIamPolicy" OR protoPayload.methodName:"setIamPermissions"`

// agentFilter asks for what agents do as administrators, whatever the service.
const agentFilter = `protoPayload.authenticationInfo.principalSubject:"agents.global." OR protoPayload.callerAgent.id:"urn:agent"`

// filter is what the feed asks the log for, but for the time.
func (f *auditLog) filter() string {
	what := stateFilter
	if f.client.log.activities == activitiesAll {
		what += " OR " + agentFilter
	}
	return `log_id("cloudaudit.googleapis.com/activity") AND (` + what + `)`
}

// wants reports whether activities of a type are published. What nobody understands is always.
func (o *logOptions) wants(activity string) bool {
	return activity == activityUnknown || o.activities != activitiesNone
}
