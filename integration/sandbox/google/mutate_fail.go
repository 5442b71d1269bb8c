package google

import (
	"fmt"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// fail tries a change that is refused: nothing happens but an entry, or for a long-running call two, of which only the last
// one tells of the failure. The outcome's key is the method.
func (c *change) fail() (sandbox.Outcome, error) {
	in := c.targets(func(t target) bool { return t.account != nil || t.engine != nil })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no service account or engine")
	}
	t := c.any(in)
	by := c.administrator()
	by.authentication = authenticationJSON{PrincipalEmail: "intern@" + c.Domain, PrincipalSubject: "user:intern@" + c.Domain}
	d := deed{by: by}
	if e := t.engine; e != nil {
		d.in, d.service, d.name = "projects/"+e.Project, servicePlatform, e.name()
		d.method, d.permission = "google.cloud.aiplatform.v1.ReasoningEngineService.DeleteReasoningEngine", "aiplatform.reasoningEngines.delete"
		d.resource = audited(e.Project, servicePlatform, d.method)
		d.operation = fmt.Sprintf("%s/operations/%d", e.name(), 1000+c.Serial)
		d.status = statusJSON{9, "The ReasoningEngine has child resources; use force to delete them."} // FAILED_PRECONDITION
	} else {
		a := t.account
		d.in, d.service, d.name, d.resource = "projects/"+a.Project, serviceIAM, "projects/-/serviceAccounts/"+a.UniqueID, a.resource()
		verb := []string{"DeleteServiceAccount", "DisableServiceAccount", "CreateServiceAccountKey", "SetIAMPolicy"}[c.Rand.Pick(4)]
		d.method = admin + verb
		d.permission = map[string]string{"DeleteServiceAccount": "iam.serviceAccounts.delete", "DisableServiceAccount": "iam.serviceAccounts.disable",
			"CreateServiceAccountKey": "iam.serviceAccountKeys.create", "SetIAMPolicy": "iam.serviceAccounts.setIamPolicy"}[verb]
		d.status = statusJSON{permissionDenied, "Permission '" + d.permission + "' denied on resource (or it may not exist)."}
	}
	d.request = map[string]any{"name": d.name}
	if strings.HasSuffix(d.method, "Policy") { // what was asked for, which is not what is
		d.request["policy"] = map[string]any{"bindings": []any{map[string]any{"role": "roles/owner", "members": []string{"user:intern@" + c.Domain}}}}
	}
	c.record(c.opt, c.now, d)
	return c.outcome(t.id(), t.title(), d.method, c.now, "%s of %q refused", d.method, t.title())
}
