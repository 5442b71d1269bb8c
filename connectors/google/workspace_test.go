package google

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const drive = "https://www.googleapis.com/auth/drive.readonly"

var (
	alice = personID("user", "alice@example.com")
	oscar = personID("user", "oscar@example.com")
)

func consentTo(client string) map[string]any {
	return map[string]any{"client_id": client, "app_name": "Jira", "scope": []string{drive, drive}}
}

func by(agent string) map[string]any {
	return map[string]any{"isAgenticAction": true, "actor.agentAttributionInfo": map[string]any{"agentId": agent, "agentName": "Invoice helper",
		"agentType": "GEMINI", "agentOwner": map[string]any{"email": "Oscar@example.com"}}}
}

// TestWorkspaceTells what stands of consents and delegations, and what agents do, each of the agent that it is about.
func TestWorkspaceTells(t *testing.T) {
	f := reports(t, nil)
	round(t, f.c.feed(t, feedGeminiAgents)) // which shows the agents' OAuth clients
	long := f.now
	f.now = long.Add(-100 * 24 * time.Hour)
	f.tell("token", eventAuthorize, "alice@example.com", consentTo("abc"), nil)
	f.tell("token", eventAuthorize, "alice@example.com", consentTo("somebody-else"), nil)
	f.tell("admin", eventDelegated, "root@acme.example", map[string]any{"API_CLIENT_NAME": accountID, "API_SCOPES": drive + "," + drive + ".x"}, nil)
	f.tell("workspace_studio", "run", "alice@example.com", nil, by("8801")) // long ago: what was done is not told
	f.now = long
	got := worded(f.settle(t))
	want := []string{
		accountID + " domain_wide_delegation for * on C01abc: " + drive + "+" + drive + ".x",
		"8801 oauth_consent for " + alice + " on abc: " + drive,
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), got); diff != "" {
		t.Fatalf("of what stands (-want +got):\n%s", diff)
	}
	f.now = f.now.Add(reportsEvery)
	f.tell("token", eventRevoke, "alice@example.com", consentTo("abc"), nil)
	f.tell("admin", eventUndelegated, "root@acme.example", map[string]any{"API_CLIENT_NAME": accountID}, nil)
	f.tell("admin", eventDelegated, "root@acme.example", map[string]any{"API_CLIENT_NAME": "999", "API_SCOPES": drive}, nil)
	f.tell("token", eventAuthorize, "alice@example.com", consentTo("1234.apps.googleusercontent.com"), by("8801"))
	f.tell("gemini_in_workspace_apps", "summarize", "alice@example.com", nil, by("8802"))
	f.tell("gemini_in_workspace_apps", "summarize", "alice@example.com", nil, nil) // a person's own
	f.tell("workspace_studio", "run", "alice@example.com", nil, map[string]any{"isAgenticAction": true})
	f.tell("workspace_studio", "run", "alice@example.com", nil, map[string]any{"actor.applicationInfo": map[string]any{"oauthClientId": accountID, "impersonation": true}})
	f.tell("workspace_studio", "run", "alice@example.com", nil, by("flow-7"))
	got = worded(f.poll(t))
	want = []string{
		"8801 oauth_consent for " + alice + " on abc: " + drive + " taken back",
		accountID + " domain_wide_delegation for * on C01abc:  taken back",
		events.ConnectionHolder + " did domain_wide_delegation admin/" + eventDelegated,
		"8801 oauth_consent for " + alice + " on 1234.apps.googleusercontent.com: " + drive,
		"8801 did workspace_action token/authorize", "8801 has the owner " + oscar,
		"8802 did workspace_action gemini_in_workspace_apps/summarize", "8802 has the owner " + oscar,
		events.ConnectionHolder + " did workspace_action workspace_studio/run",
		accountID + " did workspace_action workspace_studio/run",
		`workspace_agent:flow-7 is "Invoice helper"`, "workspace_agent:flow-7 has the owner " + oscar, "workspace_agent:flow-7 did workspace_action workspace_studio/run",
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), got); diff != "" {
		t.Errorf("of what happens (-want +got):\n%s", diff)
	}
	f.now = f.now.Add(reportsEvery)
	for _, r := range f.poll(t) {
		if len(r.Activities) > 0 {
			t.Errorf("told again: %+v", r.Activities)
		}
	}
}

// TestWorkspaceNewestWins: reports come the newest first, and what is read later of earlier times undoes nothing.
func TestWorkspaceNewestWins(t *testing.T) {
	f := reports(t, map[string]string{"page_size": "1"})
	round(t, f.c.feed(t, feedGeminiAgents))
	start := f.now
	for n, event := range []string{eventAuthorize, eventRevoke, eventAuthorize, eventRevoke} {
		f.now = start.Add(time.Duration(n-10) * time.Hour)
		f.tell("token", event, "alice@example.com", consentTo("abc"), nil)
	}
	f.now = start
	var versions []time.Time
	for _, r := range f.settle(t) {
		for _, e := range r.Entities {
			if e.Delegation == nil {
				continue
			}
			versions = append(versions, e.Version)
			if (e.Delegation.Status == events.StatusDisabled) != (e.Delegation.NativeStatus != "") {
				t.Errorf("%+v", e.Delegation)
			}
		}
	}
	if len(versions) != 4 || !versions[0].After(versions[1]) || versions[0].IsZero() {
		t.Errorf("the versions are %v: each must have the time of its event", versions)
	}
}

// TestWorkspaceFindsWhatIsLate, be it hours or days, and tells it once.
func TestWorkspaceFindsWhatIsLate(t *testing.T) {
	for _, late := range []time.Duration{2 * time.Hour, 2 * 24 * time.Hour} {
		f := reports(t, nil)
		f.settle(t)
		f.now = f.now.Add(time.Minute)
		f.tell("gemini_in_workspace_apps", "summarize", "alice@example.com", nil, by("8801")).shown = f.now.Add(late)
		count, at := 0, time.Duration(0)
		for range int(late/reportsEvery) + 80 {
			f.now = f.now.Add(reportsEvery)
			at += reportsEvery
			n := len(activitiesOf(f.poll(t)))
			if count += n; n > 0 && at > late+reportsDeepEach+reportsEvery {
				t.Errorf("%v late: found %v after it happened", late, at)
			}
			if at < late {
				f.restart(t, nil)
			}
		}
		if count != 1 {
			t.Errorf("%v late: told %d times, want once", late, count)
		}
	}
}

// TestWorkspaceLearnsOfClients: a consent to a client that becomes known as an agent's afterwards is found.
func TestWorkspaceLearnsOfClients(t *testing.T) {
	f := reports(t, nil)
	f.settle(t)
	f.now = f.now.Add(time.Minute)
	f.tell("token", eventAuthorize, "alice@example.com", consentTo("abc"), nil)
	f.now = f.now.Add(5 * time.Hour)
	f.poll(t)
	f.now = f.now.Add(5 * time.Hour)
	f.poll(t)
	f.restart(t, nil)
	f.now = f.now.Add(reportsEvery)
	f.poll(t)
	round(t, f.c.feed(t, feedGeminiAgents))
	f.now = f.now.Add(reportsEvery)
	if got := worded(f.poll(t)); len(got) != 1 || !strings.HasPrefix(got[0], "8801 oauth_consent") {
		t.Errorf("told %v, want the consent", got)
	}
}

// TestWorkspaceTellsOfWhoIsBack: what an agent's end took along is told again when it is back, however long ago it was reported.
func TestWorkspaceTellsOfWhoIsBack(t *testing.T) {
	f := reports(t, nil)
	f.now = f.now.Add(-time.Hour)
	f.tell("admin", eventDelegated, "root@acme.example", map[string]any{"API_CLIENT_NAME": accountID, "API_SCOPES": drive}, nil)
	f.now = f.now.Add(time.Hour)
	if got := worded(f.settle(t)); len(got) != 1 {
		t.Fatalf("told %v", got)
	}
	f.now = f.now.Add(20 * 24 * time.Hour)
	delete(f.known, accountID)
	f.known["bare "+accountID] = true
	f.restart(t, nil)
	if got := f.poll(t); len(got) != 0 {
		t.Errorf("of one that is gone it tells %v", got)
	}
	f.now, f.known[accountID] = f.now.Add(reportsEvery), true
	if got := worded(f.poll(t)); len(got) != 1 || !strings.Contains(got[0], "domain_wide_delegation") {
		t.Errorf("of one that is back it tells %v", got)
	}
	delete(f.known, "bare "+accountID)
	f.now = f.now.Add(reportsEvery)
	if got := f.poll(t); len(got) != 0 {
		t.Errorf("and then %v", got)
	}
}

// TestWorkspaceRemembersSoMuch: what is forgotten is not told twice.
func TestWorkspaceRemembersSoMuch(t *testing.T) {
	var c reportsCursor
	start := time.Date(2026, 11, 5, 10, 0, 0, 0, time.UTC)
	for n := range mostReported + 10 {
		if !c.isNew(fmt.Sprint(n), start.Add(time.Duration(n)*time.Second)) {
			t.Fatalf("%d is not new", n)
		}
	}
	if len(c.Seen) != mostReported || c.isNew("3", start.Add(3*time.Second)) || c.isNew("late", start) || !c.isNew("new", start.Add(time.Hour)) {
		t.Errorf("%d are remembered, nothing before %v is told", len(c.Seen), c.Tell)
	}
}

// TestWorkspaceCost: a quiet poll costs a call per report, whatever the number of agents.
func TestWorkspaceCost(t *testing.T) {
	for _, agents := range []int{1, 500} {
		f := reports(t, nil)
		for n := range agents {
			f.known[fmt.Sprint(n)] = true
		}
		f.settle(t)
		f.calls = nil
		f.now = f.now.Add(reportsEvery)
		f.poll(t)
		if len(f.calls) != 6 {
			t.Errorf("with %d agents a quiet poll costs %v", agents, f.calls)
		}
	}
	if got := perMinute("admin.googleapis.com"); got != 250 {
		t.Errorf("%v calls a minute, want the 250 that name an event", got)
	}
}

// TestWorkspaceRefused: a report that may not be read keeps no other from being read, and is read from where it was left once it may be.
func TestWorkspaceRefused(t *testing.T) {
	f := reports(t, nil)
	round(t, f.c.feed(t, feedGeminiAgents))
	f.tell("token", eventAuthorize, "alice@example.com", consentTo("abc"), nil)
	f.tell("admin", eventDelegated, "root@acme.example", map[string]any{"API_CLIENT_NAME": accountID, "API_SCOPES": drive}, nil)
	f.override[workspacePath+"token"] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, jsonDenied) }
	if got := worded(f.settle(t)); len(got) != 1 || len(f.page.Blind) != 2 || !strings.Contains(f.page.Blind[0].Reason, "report token/authorize: give a token") {
		t.Fatalf("told %v, blind %+v", got, f.page.Blind)
	}
	f.now = f.now.Add(10 * 24 * time.Hour)
	f.restart(t, nil)
	f.poll(t)
	f.override[workspacePath+"token"] = f.serve
	f.now = f.now.Add(reportsEvery)
	if got := worded(f.poll(t)); len(got) != 0 || len(f.page.Blind) != 0 {
		t.Errorf("without the clients told %v, blind %+v", got, f.page.Blind)
	}
	if c := f.place(t); len(c.Behind) != 0 {
		t.Errorf("still behind are %v", c.Behind)
	}
	round(t, f.c.feed(t, feedGeminiAgents))
	f.now = f.now.Add(reportsEvery)
	if got := worded(f.poll(t)); len(got) != 2 || !strings.HasPrefix(got[1], "8801 oauth_consent") {
		t.Errorf("with the clients told %v, want what stands", got)
	}
	f.now = f.now.Add(reportsEvery)
	if f.poll(t); f.place(t).Again {
		t.Error("all is to be read again and again")
	}
}

// TestWorkspaceRefusedIsReadLater is the same with the client known: the consent that was given meanwhile is found.
func TestWorkspaceRefusedIsReadLater(t *testing.T) {
	f := reports(t, nil)
	round(t, f.c.feed(t, feedGeminiAgents))
	f.tell("token", eventAuthorize, "alice@example.com", consentTo("abc"), nil)
	f.override[workspacePath+"token"] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, jsonDenied) }
	f.settle(t)
	for range 3 {
		f.now = f.now.Add(10 * 24 * time.Hour)
		f.poll(t)
	}
	f.override[workspacePath+"token"] = f.serve
	f.now = f.now.Add(reportsEvery)
	if got := worded(f.poll(t)); len(got) != 1 {
		t.Errorf("told %v, want the consent", got)
	}
}

// TestWorkspaceForbidden: when nothing may be read, the feed alone is forbidden, with the cure.
func TestWorkspaceForbidden(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, says string
	}{
		"no delegation": {401, `{"error":{"code":401,"message":"Access denied.","errors":[{"reason":"authError"}]}}`, "auth.token"},
		"API off":       {403, strings.ReplaceAll(jsonDisabled, "agentregistry", "admin"), "gcloud services enable admin.googleapis.com"},
		"no such app":   {400, `{"error":{"code":400,"message":"Bad Request","errors":[{"reason":"invalid"}]}}`, "workspace_applications"},
	} {
		f := reports(t, nil)
		for _, a := range workspaceApplications {
			f.answer(workspacePath+a, c.status, c.body)
		}
		f.poll(t)
		f.now = f.now.Add(reportsSettle)
		var err error
		for range 10 {
			if _, err = f.pull(t); err != nil {
				break
			}
		}
		if fault := connectors.AsFault(err); fault == nil || fault.Kind != connectors.Forbidden || !strings.Contains(fault.Cure, c.says) {
			t.Errorf("%s: %v, want forbidden that says %q", name, err, c.says)
		}
	}
	f := reports(t, nil)
	f.poll(t)
	f.now = f.now.Add(reportsSettle)
	f.answer(workspacePath+"token", 403, `{"error":{"code":403,"message":"Quota exceeded","errors":[{"message":"Quota exceeded","domain":"usageLimits","reason":"rateLimitExceeded"}],"status":"PERMISSION_DENIED"}}`)
	if _, err := f.pull(t); connectors.AsFault(err) == nil || connectors.AsFault(err).Kind != connectors.RateLimited {
		t.Errorf("over the quota: %v", err)
	}
}

// TestWorkspacePages: every page of every report is read, whichever process reads it; a token that has expired begins the report anew.
func TestWorkspacePages(t *testing.T) {
	f := reports(t, nil)
	f.settle(t)
	f.now = f.now.Add(time.Minute)
	for range 5 {
		f.tell("workspace_studio", "run", "alice@example.com", nil, by("8801"))
		f.tell("gemini_in_workspace_apps", "run", "alice@example.com", nil, by("8801"))
	}
	f.size = 2
	f.now = f.now.Add(reportsEvery)
	expired := false
	f.override[workspacePath+"workspace_studio"] = func(w http.ResponseWriter, r *http.Request) {
		if !expired && r.URL.Query().Get("pageToken") == "2" {
			expired = true
			refuse(w, 400, `{"error":{"code":400,"message":"Invalid Value","errors":[{"reason":"invalid"}]}}`)
			return
		}
		f.serve(w, r)
	}
	count := 0
	for range 100 {
		f.restart(t, nil)
		page, err := f.pull(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			if r.Type == typeWorkspaceAction {
				count++
			}
		}
		if !page.More {
			break
		}
	}
	if count != 10 || !expired {
		t.Errorf("%d activities, want 10", count)
	}
}

// TestWorkspaceKeepsNobodysAddress: a person's address stands in the person's record alone.
func TestWorkspaceKeepsNobodysAddress(t *testing.T) {
	f := reports(t, nil)
	f.settle(t)
	f.now = f.now.Add(time.Minute)
	f.tell("workspace_studio", "run", "alice@example.com", map[string]any{"doc_title": "letter to bob@example.com"}, by("flow-7"))
	f.tell("token", eventAuthorize, "alice@example.com", consentTo("1234"), by("8801"))
	f.now = f.now.Add(reportsEvery)
	people := 0
	for {
		page, err := f.pull(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			text := strings.ToLower(string(r.Body) + fmt.Sprint(r.Context))
			if r.Type == typePerson {
				people++
			} else if strings.Contains(text, "@example.com") {
				t.Errorf("%s: %s", r.Type, text)
			}
		}
		if !page.More {
			break
		}
	}
	if strings.Contains(string(f.cur), "@example.com") || people == 0 {
		t.Errorf("the cursor is %s; %d persons", f.cur, people)
	}
}

// TestWorkspaceBegins: other applications are read from the beginning, and nothing is told twice.
func TestWorkspaceBegins(t *testing.T) {
	f := reports(t, map[string]string{"workspace_applications": "workspace_studio"})
	f.settle(t)
	f.now = f.now.Add(time.Minute)
	f.tell("workspace_studio", "run", "alice@example.com", nil, by("8801"))
	f.tell("gemini_in_workspace_apps", "run", "alice@example.com", nil, by("8801"))
	f.now = f.now.Add(reportsEvery)
	if n := len(activitiesOf(f.poll(t))); n != 1 {
		t.Errorf("%d activities, want that of Workspace Studio", n)
	}
	f.restart(t, nil)
	f.now = f.now.Add(reportsEvery)
	if got := activitiesOf(f.poll(t)); len(got) != 1 || !strings.HasPrefix(got[0].Native, "gemini_in_workspace_apps/") {
		t.Errorf("with more applications it tells %v, want that of Gemini", got)
	}
}

// TestWorkspaceGap: who comes after the reports' retention says so, once.
func TestWorkspaceGap(t *testing.T) {
	f := reports(t, nil)
	f.settle(t)
	f.now = f.now.Add(reportsKept + 24*time.Hour)
	if got := activitiesOf(f.poll(t)); len(got) != 1 || got[0].Type != activityGap || got[0].Details["feed"] != feedWorkspaceReports {
		t.Errorf("told %+v, want a gap", got)
	}
	f.now = f.now.Add(reportsEvery)
	if got := activitiesOf(f.poll(t)); len(got) != 0 {
		t.Errorf("told again: %+v", got)
	}
}

// TestWorkspaceIsOff unless an administrator is named.
func TestWorkspaceIsOff(t *testing.T) {
	for _, feed := range company(t).connect(t, nil).Feeds() {
		if feed.Name == feedWorkspaceReports {
			t.Error("the feed is there although nobody was named")
		}
	}
	for options, says := range map[string]string{
		"workspace_admin=root": "no address", "workspace_account=a@acme.iam.gserviceaccount.com": "needs workspace_admin",
		"workspace_applications=token": "needs workspace_admin", "workspace_admin=r@a.example workspace_account=r@a.example": "no service account's",
		"workspace_admin=r@a.example workspace_applications=../x": "is no application",
	} {
		all := map[string]string{}
		for _, o := range strings.Fields(options) {
			name, value, _ := strings.Cut(o, "=")
			all[name] = value
		}
		if _, err := parseOptions(all); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error that says %q", options, err, says)
		}
	}
}
