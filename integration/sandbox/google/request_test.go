package google

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	accountsPath = "/iam/v1/projects/tessellate-agents/serviceAccounts"
	agentsPath   = "/agentregistry/v1/projects/tessellate-agents/locations/us-central1/agents"
	enginesPath  = "/aiplatform/v1/projects/tessellate-agents/locations/us-central1/reasoningEngines"
)

func TestUnknownPathsAreHTML(t *testing.T) {
	w := newWorld(t, 9, Options{})
	for _, p := range []struct{ method, path string }{
		{"GET", "/"}, {"GET", "/iam"}, {"GET", "/iam/v1/projects"}, {"GET", "/iam/v2/projects/p/serviceAccounts"},
		{"PUT", accountsPath}, {"GET", agentsPath + ":search"}, {"GET", "/v1/projects/p/serviceAccounts"},
		{"GET", accountsPath + "/"}, {"GET", "/token"}, {"GET", "/iam/v1/projects//serviceAccounts"},
	} {
		code, header, body := w.send(p.method, p.path, "")
		if code != 404 || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(string(body), "Error 404 (Not Found)!!1") {
			t.Errorf("%s %s: %d %s\n%s", p.method, p.path, code, header.Get("Content-Type"), body)
		}
	}
	if _, _, body := w.send("GET", "/<script>", ""); strings.Contains(string(body), "<script>") {
		t.Error("the path is not escaped")
	}
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t, 30, Options{})
	for _, path := range []string{
		accountsPath + "?pageSize=101", accountsPath + "?pageSize=-1", accountsPath + "?pageSize=many",
		accountsPath + "?pageSize=99999999999", accountsPath + "?filter=x", accountsPath + "?showDeleted=true",
		accountsPath + "?pageSize=1&pageSize=2", accountsPath + "?alt=proto", accountsPath + "?fields=a(b",
		accountsPath + "?prettyPrint=perhaps", accountsPath + "?%zz=1",
		agentsPath + "?filter=colour%3Dred", agentsPath + "?filter=%28", agentsPath + "?orderBy=colour",
		agentsPath + "?orderBy=name+upwards", enginesPath + "?orderBy=name", enginesPath + "?filter=spec.x%3D1",
		"/cloudresourcemanager/v3/projects:search?query=colour:red",
		"/agentidentity/v1/projects/tessellate-agents/locations/us-central1/authProviders?showDeleted=maybe",
		"/agentidentity/v1/projects/tessellate-agents/locations/us-central1/authProviders:query",
	} {
		w.refused("GET", path, "", 400, "INVALID_ARGUMENT")
	}
	account := w.get(accountsPath)["accounts"].([]any)[0].(object)["name"].(string)
	w.refused("GET", "/iam/v1/"+account+"/keys?keyTypes=MINE", "", 400, "INVALID_ARGUMENT")
	w.refused("GET", "/iam/v1/"+account+"/keys?keyTypes=USER_MANAGED&keyTypes=USER_MANAGED", "", 400, "INVALID_ARGUMENT")
	w.get("/iam/v1/" + account + "/keys?keyTypes=USER_MANAGED&keyTypes=SYSTEM_MANAGED")
	w.refused("POST", "/iam/v1/"+account+":getIamPolicy?options.requestedPolicyVersion=2", "", 400, "INVALID_ARGUMENT")
	w.refused("POST", "/iam/v1/"+account+":getIamPolicy", `{"options":{}}`, 400, "INVALID_ARGUMENT")
	for _, body := range []string{`{"options":{"requestedPolicyVersion":2}}`, `{"option":{}}`, `{} {}`, `nonsense`} {
		w.refused("POST", "/cloudresourcemanager/v3/projects/tessellate-agents:getIamPolicy", body, 400, "INVALID_ARGUMENT")
	}
}

func TestWhatIsNotThere(t *testing.T) {
	w := newWorld(t, 30, Options{})
	for path, status := range map[string]string{
		"/iam/v1/projects/nobody/serviceAccounts":                                                       "NOT_FOUND",
		accountsPath + "/nobody@example.com":                                                            "NOT_FOUND",
		accountsPath + "/nobody@example.com/keys":                                                       "NOT_FOUND",
		"/cloudresourcemanager/v3/projects/nobody":                                                      "PERMISSION_DENIED",
		"/aiplatform/v1/projects/nobody/locations/us-central1/reasoningEngines":                         "PERMISSION_DENIED",
		enginesPath + "/1":                                                                              "NOT_FOUND",
		agentsPath + "/x":                                                                               "NOT_FOUND",
		"/agentregistry/v1/projects/tessellate-agents/locations/mars/agents":                            "PERMISSION_DENIED",
		"/agentregistry/v1/projects/tessellate-agents/locations/-/agents":                               "PERMISSION_DENIED",
		"/agentidentity/v1/projects/tessellate-agents/locations/us/authProviders":                       "PERMISSION_DENIED",
		"/run/v2/projects/tessellate-agents/locations/us-central1/services/nothing":                     "NOT_FOUND",
		"/discoveryengine/v1alpha/projects/tessellate-agents/locations/global/collections/mine/engines": "NOT_FOUND",
	} {
		w.refused("GET", path, "", map[string]int{"NOT_FOUND": 404, "PERMISSION_DENIED": 403}[status], status)
	}
	// The regional endpoints of Agent Platform know every location; most are empty, and an empty list is {}.
	if out := w.get("/aiplatform/v1/projects/tessellate-agents/locations/mars/reasoningEngines"); len(out) != 0 {
		t.Errorf("mars has %v", out)
	}
}

func TestSystemParameters(t *testing.T) {
	w := newWorld(t, 30, Options{})
	_, header, pretty := w.send("GET", accountsPath+"?page_size=1&$alt=json", "")
	if !strings.HasPrefix(string(pretty), "{\n  \"accounts\": [\n") || header.Get("Content-Type") != "application/json; charset=UTF-8" {
		t.Errorf("%v\n%s", header, pretty)
	}
	_, _, plain := w.send("GET", accountsPath+"?pageSize=1&prettyPrint=false", "")
	if !strings.HasPrefix(string(plain), `{"accounts":[{"name":`) {
		t.Errorf("%s", plain)
	}
	got := w.get(accountsPath + "?pageSize=1&fields=" + url.QueryEscape("accounts(email,uniqueId)"))
	account := w.get(accountsPath + "?pageSize=1")["accounts"].([]any)[0].(object)
	want := object{"accounts": []any{object{"email": account["email"], "uniqueId": account["uniqueId"]}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("partial response:\n%s", diff)
	}
}

func TestProjectsByIDAndNumber(t *testing.T) {
	w := newWorld(t, 30, Options{})
	byID := w.get("/cloudresourcemanager/v3/projects/tessellate-agents")
	number := byID["name"].(string)
	if diff := cmp.Diff(byID, w.get("/cloudresourcemanager/v3/"+number)); diff != "" {
		t.Error(diff)
	}
	for _, service := range []string{"/iam/v1/", "/aiplatform/v1/"} {
		tail := map[string]string{"/iam/v1/": "/serviceAccounts", "/aiplatform/v1/": "/locations/us-central1/reasoningEngines"}[service]
		if diff := cmp.Diff(w.get(service+"projects/tessellate-agents"+tail), w.get(service+number+tail)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestProjectSearch(t *testing.T) {
	w := newWorld(t, 9, Options{})
	for query, want := range map[string]int{
		"": 2, "state:ACTIVE": 2, "state=DELETE_REQUESTED": 0, "id:tessellate-labs": 1, "projectId:tessellate-*": 2,
		"name:tess*": 2, "NAME:TESSELLATE*": 2, "labels.environment:prod": 1, "labels.environment:*": 2, "labels.colour:*": 0,
		"labels.environment:prod labels.environment:lab": 2, "labels.environment:prod AND id:tessellate-labs": 0,
		"parent:organizations/" + w.Organization(): 1, "parent.type:folder": 1, "parent.id:" + w.Organization(): 1,
	} {
		out := w.get("/cloudresourcemanager/v3/projects:search?query=" + url.QueryEscape(query))
		if list, _ := out["projects"].([]any); len(list) != want {
			t.Errorf("%q: %d projects, want %d", query, len(list), want)
		}
	}
}

func TestConditionsNeedVersion3(t *testing.T) {
	w := newWorld(t, 60, Options{})
	const path = "/cloudresourcemanager/v3/projects/tessellate-agents:getIamPolicy"
	old, full := w.ok("POST", path, "{}"), w.ok("POST", path, `{"options":{"requestedPolicyVersion":3}}`)
	if old["version"] != 1.0 || full["version"] != 3.0 || old["etag"] != full["etag"] {
		t.Errorf("versions %v and %v", old["version"], full["version"])
	}
	count := func(p object, fits func(object) bool) (n int) {
		for _, b := range p["bindings"].([]any) {
			if fits(b.(object)) {
				n++
			}
		}
		return n
	}
	conditional := func(b object) bool { return b["condition"] != nil }
	marked := func(b object) bool { return strings.Contains(b["role"].(string), "_withcond_") }
	if n := count(full, conditional); n == 0 || n != count(old, marked) || count(old, conditional) != 0 || count(full, marked) != 0 {
		t.Errorf("%d conditional bindings, %d marked in version 1", n, count(old, marked))
	}
}
