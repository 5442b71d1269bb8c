package google

// permissionDenied is google.rpc.Code.PERMISSION_DENIED.
const permissionDenied = 7

// caller is who makes a change, as the log tells it.
type caller struct {
	authentication authenticationJSON
	agent          *callerAgentJSON
	client         string // user agent
}

// caller deals the changes out: most are an administrator's, some a pipeline's, which comes from outside and acts as a
// service account, some are made with a key, and of a few the log does not tell whose they are.
func (s *state) caller() *caller {
	pipeline := "deployer@" + s.Projects[governed].ProjectID + ".iam.gserviceaccount.com"
	machine := authenticationJSON{PrincipalEmail: pipeline, PrincipalSubject: "serviceAccount:" + pipeline}
	if s.Serial%23 == 9 {
		return &caller{client: "google-cloud-console"}
	}
	switch s.Serial % 11 {
	case 3:
		machine.ServiceAccountDelegationInfo = []delegationJSON{{s.federated("acme/infra")}}
		return &caller{authentication: machine, client: "google-cloud-sdk terraform/1.14.1"}
	case 7:
		machine.ServiceAccountKeyName = "//iam.googleapis.com/projects/" + s.Projects[governed].ProjectID + "/serviceAccounts/" + pipeline +
			"/keys/3f1c0000000000000000000000000000000000aa"
		return &caller{authentication: machine, client: "google-api-python-client/2.184.0 (gzip)"}
	}
	return s.administrator()
}

func (s *state) administrator() *caller {
	return &caller{authentication: authenticationJSON{PrincipalEmail: s.Admin, PrincipalSubject: "user:" + s.Admin},
		client: "google-cloud-sdk gcloud/541.0.0"}
}

// itself is an agent that calls under its own principal, for itself or for a person.
func (t target) itself(s *state, forPerson bool) *caller {
	c := &caller{authentication: authenticationJSON{PrincipalSubject: t.member(s)}, client: "google-adk/2.3.0 gl-python/3.13"}
	urn := ""
	switch {
	case t.engine != nil:
		urn = agentURN(t.engine.Number, servicePlatform, t.engine.name())
	case t.run != nil:
		urn = agentURN(t.run.Number, serviceRun, t.run.host())
	case t.account != nil:
		c.authentication.PrincipalEmail = t.account.Email
	}
	if urn != "" {
		c.agent = &callerAgentJSON{ID: urn, Authority: map[bool]string{false: "SELF", true: "ON_BEHALF_OF"}[forPerson]}
	}
	return c
}
