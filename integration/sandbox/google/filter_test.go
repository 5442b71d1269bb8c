package google

import (
	"strings"
	"testing"
)

// sample is an audit entry as a filter sees it.
var sample = object{
	"insertId": "a1", "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity", "log_id()": "cloudaudit.googleapis.com/activity",
	"timestamp": "2026-11-05T10:00:00.5Z", "severity": "NOTICE",
	"resource": object{"type": "project", "labels": object{"project_id": "p"}},
	"protoPayload": object{"serviceName": "aiplatform.googleapis.com",
		"methodName":        "google.cloud.aiplatform.v1.ReasoningEngineService.CreateReasoningEngine",
		"authorizationInfo": []any{object{"permission": "a.b"}, object{"permission": "c.d", "granted": true}}},
}

func TestFilterMatches(t *testing.T) {
	for text, want := range map[string]bool{
		"":                      true,
		"-- a comment":          true,
		`severity="NOTICE"`:     true,
		`severity=notice`:       true,
		`severity>=INFO`:        true,
		`severity>NOTICE`:       false,
		`severity != "ERROR"`:   true,
		`resource.type=project`: true,
		`resource.type=Project`: false, // = is exact, : is not
		`resource.type:PROJ`:    true,
		`resource.labels.project_id="p" AND severity=NOTICE`:                     true,
		`resource.labels.project_id="p" severity=ERROR`:                          false,
		`resource.labels.project_id=("q" OR "p")`:                                true,
		`protoPayload.serviceName=("iam.googleapis.com" OR "x")`:                 false,
		`proto_payload.service_name:"aiplatform"`:                                true,
		`log_id("cloudaudit.googleapis.com/activity")`:                           true,
		`log_id("cloudaudit.googleapis.com/data_access")`:                        false,
		`timestamp>="2026-11-05T10:00:00Z"`:                                      true,
		`timestamp>="2026-11-05T10:00:00.50Z"`:                                   true,
		`timestamp>"2026-11-05T12:00:00+02:00" timestamp<"2026-11-06T00:00:00Z"`: true,
		`timestamp<"2026-11-05T10:00:00.05Z"`:                                    false,
		`protoPayload.methodName=~"Create.*Engine$"`:                             true,
		`protoPayload.methodName!~"^google\.iam"`:                                true,
		`protoPayload.authorizationInfo.permission="c.d"`:                        true,
		`protoPayload.authorizationInfo.granted=true`:                            true,
		`protoPayload.status.code:*`:                                             false,
		`protoPayload.serviceName:*`:                                             true,
		`NOT severity=NOTICE`:                                                    false,
		`NOT (severity=ERROR OR severity=INFO)`:                                  true,
		`severity=ERROR OR severity=NOTICE AND insertId=a1`:                      true,
		`insertId=zz AND severity=ERROR OR severity=NOTICE`:                      false, // OR binds stronger
		`(insertId=zz AND severity=ERROR) OR severity=NOTICE`:                    true,
		`"createreasoningengine"`:                                                true,
		`reasoningengine`:                                                        true,
		`nothing`:                                                                false,
		`insertId='a1'`:                                                          true,
	} {
		f, err := parseFilter(text, "log_id")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f == nil || f.match(sample); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for _, text := range []string{"(", ")", "severity=", "severity=(", `severity=("a"`, `severity=("a" "b")`, "AND", "a=b AND", "a=b OR",
		"NOT", `"open`, "=x", `log_id(`, `log_id(x)`, `log_id("a"`, `sample(insertId, 0.5)`, `a=~"("`, "a=b)", "a,b", "!x",
		strings.Repeat("(", 100) + "a" + strings.Repeat(")", 100), strings.Repeat("NOT ", 100) + "a", strings.Repeat("x", 20001)} {
		if f, err := parseFilter(text, "log_id"); err == nil {
			t.Errorf("%.40s: parsed as %#v", text, f)
		}
	}
}

func TestFiltersOfLists(t *testing.T) {
	w := newWorld(t, 120, Options{})
	count := func(path, items, filter string) int {
		list, _ := w.all(path+"?filter="+strings.NewReplacer(" ", "+", `"`, "%22", "=", "%3D", ":", "%3A").Replace(filter), items, "")
		return len(list)
	}
	engines := count(enginesPath, "reasoningEngines", "")
	team := count(enginesPath, "reasoningEngines", "labels.team:*")
	if engines == 0 || team != engines || count(enginesPath, "reasoningEngines", `display_name="nobody"`) != 0 {
		t.Errorf("%d engines, %d with a team", engines, team)
	}
	const summaries = "/agentidentity/v1/projects/tessellate-agents/locations/us-central1/accessSummaries"
	all, _ := w.all(summaries, "accessSummaries", "")
	agent := all[0]["workloadId"].(string)
	if n := count(summaries, "accessSummaries", `workload_id="`+agent+`"`); n == 0 || n > len(all) {
		t.Errorf("%d of %d summaries of %s", n, len(all), agent)
	}
	if n := count(summaries, "accessSummaries", `auth_provider_name="`+all[0]["authProvider"].(string)+`"`); n != len(all) {
		t.Errorf("%d of %d summaries of the one provider", n, len(all))
	}
	consents := strings.Replace(summaries, "accessSummaries", "authProviders/jira-3lo/authorizations", 1)
	user, _ := w.all(consents, "authorizations", "")
	if n := count(consents, "authorizations", `client_user_id="`+user[0]["clientUserId"].(string)+`"`); n == 0 || n > len(user) {
		t.Errorf("%d of %d consents", n, len(user))
	}
	const gemini = "/discoveryengine/v1alpha/projects/tessellate-agents/locations/global/collections/default_collection/engines/tessellate-app/assistants/default_assistant/agents"
	if n := count(gemini, "agents", "state=SUSPENDED"); n != 1 {
		t.Errorf("%d suspended agents, want 1", n)
	}
	if n := count(gemini, "agents", `create_time>"2100-01-01T00:00:00Z"`); n != 0 {
		t.Errorf("%d agents of the next century", n)
	}
}

func TestOrders(t *testing.T) {
	w := newWorld(t, 150, Options{PageSize: 2})
	for by, field := range map[string]string{"update_time desc": "updateTime", "display_name": "displayName", "createTime": "createTime"} {
		list, _ := w.all(agentsPath+"?orderBy="+strings.ReplaceAll(by, " ", "+"), "agents", "")
		for i := 1; i < len(list); i++ {
			a, b := list[i-1][field].(string), list[i][field].(string)
			if strings.HasSuffix(by, "desc") {
				a, b = b, a
			}
			if field != "displayName" {
				a, b = strings.TrimSuffix(a, "Z")+"0", strings.TrimSuffix(b, "Z")+"0" // fractions may be shorter
			}
			if a > b && !strings.HasPrefix(a, b[:len(b)-1]) {
				t.Errorf("by %s: %s before %s", by, a, b)
			}
		}
	}
}
