package google

import "testing"

const (
	enginePath = "projects/444455556666/locations/us-central1/reasoningEngines/4411"
	canonical  = "principal://agents.global.org-111122223333.system.id.goog/resources/aiplatform/" + enginePath
)

// TestCanonicalPrincipal: every spelling of one identity is one string, and nothing else is an agent's identity.
func TestCanonicalPrincipal(t *testing.T) {
	const path = "/resources/aiplatform/" + enginePath
	for spelling, want := range map[string]string{
		"principal://agents.global.org-111122223333.system.id.goog" + path:     canonical,
		"spiffe://agents.global.org-111122223333.system.id.goog" + path:        canonical,
		"agents.global.org-111122223333.system.id.goog" + path:                 canonical,
		"agents.global.111122223333.system.id.goog" + path:                     canonical, // as effectiveIdentity's documentation may be read
		" PRINCIPAL://Agents.Global.org-111122223333.system.id.goog" + path:    canonical,
		"//agents.global.org-111122223333.system.id.goog" + path + "/":         canonical,
		"principal://agents.global.proj-444455556666.system.id.goog" + path:    "principal://agents.global.proj-444455556666.system.id.goog" + path,
		"principal://agents.global.project-444455556666.system.id.goog" + path: "principal://agents.global.proj-444455556666.system.id.goog" + path,

		"invoice-agent@rc-sandbox.iam.gserviceaccount.com":                                                    "",
		"principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/gh/subject/x":       "",
		"principalSet://agents.global.org-1.system.id.goog/attribute.platformContainer/aiplatform/projects/1": "",
		"principal://agents.global.org-1.system.id.goog/*":                                                    "",
		"principal://agents.global.org-x.system.id.goog" + path:                                               "",
		"principal://evil.example/agents.global.org-1.system.id.goog" + path:                                  "",
		"": "",
	} {
		got, ok := canonicalPrincipal(spelling)
		if got != want || ok != (want != "") {
			t.Errorf("canonicalPrincipal(%q) = %q, %v; want %q", spelling, got, ok, want)
		}
	}
}

func TestEngineOf(t *testing.T) {
	if got, ok := engineOf(canonical); !ok || got != enginePath {
		t.Errorf("engineOf = %q, %v", got, ok)
	}
	run, _ := canonicalPrincipal("agents.global.org-1.system.id.goog/resources/run/projects/1/locations/r/services/s")
	if got, ok := engineOf(run); ok {
		t.Errorf("a Cloud Run service is the engine %q", got)
	}
}

// TestResourceName: the registry's reference to an engine is the engine's own name.
func TestResourceName(t *testing.T) {
	for uri, want := range map[string]string{
		"//aiplatform.googleapis.com/" + enginePath:                           enginePath,
		"https://us-central1-aiplatform.googleapis.com/v1/" + enginePath:      enginePath,
		"https://us-central1-aiplatform.googleapis.com/v1beta1/" + enginePath: enginePath,
		enginePath: enginePath,
		"//run.googleapis.com/projects/1/locations/r/services/s":           "//run.googleapis.com/projects/1/locations/r/services/s",
		"https://run.googleapis.com/v2/projects/1/locations/r/services/s/": "//run.googleapis.com/projects/1/locations/r/services/s",
		"//evil.example/" + enginePath:                                     "//evil.example/" + enginePath,
		"somewhere":                                                        "somewhere",
	} {
		if got := resourceName(uri); got != want {
			t.Errorf("resourceName(%q) = %q, want %q", uri, got, want)
		}
	}
	for resource, want := range map[string]string{enginePath: "aiplatform", "//run.googleapis.com/x": "run", "//us-central1-run.googleapis.com/x": "run", "": "", "x": ""} {
		if got := platformOf(resource); got != want {
			t.Errorf("platformOf(%q) = %q, want %q", resource, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":{"clientSecret":"x","client_secret":"y","privateKeyData":"z"},"n":1.50}`: `{"a":{"clientSecret":"[redacted]","client_secret":"[redacted]","privateKeyData":"[redacted]"},"n":1.50}`,
		`[{"apiKey":{"password":["a","b"]}},"password",{"secret":null}]`:               `[{"apiKey":{"password":"[redacted]"}},"password",{"secret":null}]`,
		`{"\u0070assword":"x"}`: `{"password":"[redacted]"}`,
		`"secret"`:              `"secret"`,
	} {
		got, err := redact([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("redact(%s) = %s, %v; want %s", in, got, err, want)
		}
	}
	if _, err := redact([]byte(`{"password":"x`)); err == nil {
		t.Error("broken JSON is redacted")
	}
}
