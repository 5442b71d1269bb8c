package okta

import (
	"net/http"
	"slices"
	"time"
)

type agentOperation struct {
	ID        string             `json:"id"`
	Type      string             `json:"type"`
	Status    string             `json:"status"`
	Created   string             `json:"created"`
	Started   string             `json:"started,omitempty"`
	Completed string             `json:"completed,omitempty"`
	Resource  *operationResource `json:"resource,omitempty"`
	Error     *operationError    `json:"errorDetails,omitempty"`
}

type operationResource struct {
	ID     string    `json:"id"`
	Type   string    `json:"type"`
	Status string    `json:"status"`
	Links  pageLinks `json:"_links"`
}

type operationError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// maxOperations is how many finished operations are remembered. Okta does not publish its retention.
const maxOperations = 500

// begin writes an operation down, logs it, and carries it out at once if nothing delays it. Like Okta it logs when it was
// asked for: until the operation is through, the log and the agent disagree.
func (s *Sandbox) begin(op *operation, by *user) *operation {
	st := s.st
	op.Seq, op.ID, op.Status = st.next(), "op-"+st.Rand.Base62(17), "IN_PROGRESS"
	op.Created, op.Due = st.Clock, st.Clock.Add(s.opt.OpDelay)
	if op.New != nil {
		op.New.Created, op.New.Updated = op.Due, op.Due
	}
	st.Operations = append(st.Operations, op)
	s.logOperation(op, by)
	s.finishOperations()
	return op
}

// finishOperations carries out all that is due, in the order in which it was asked for.
func (s *Sandbox) finishOperations() {
	for _, op := range s.st.Operations {
		if op.Status == "IN_PROGRESS" && !op.Due.After(s.st.Clock) {
			s.finish(op)
		}
	}
	if n := len(s.st.Operations) - maxOperations; n > 0 && s.st.Operations[n-1].Status != "IN_PROGRESS" {
		s.st.Operations = slices.Delete(s.st.Operations, 0, n)
	}
}

func (s *Sandbox) finish(op *operation) {
	op.Status, op.Completed = "COMPLETED", op.Due
	if op.New != nil {
		op.New.Seq = s.st.next()
		s.st.addAgent(op.New)
		op.New = nil
		return
	}
	a := s.st.agent(op.Agent)
	if a == nil {
		op.Status, op.ErrorCode, op.ErrorMessage = "FAILED", "E0000007", "Not found: Resource not found: "+op.Agent+" (WorkloadPrincipal)"
		return
	}
	s.apply(op, a)
}

func (s *Sandbox) apply(op *operation, a *agent) {
	a.Updated = later(op.Due, a.Updated)
	switch op.Type {
	case "ai-agent:Activate":
		a.Status = "ACTIVE"
	case "ai-agent:Deactivate":
		a.Status = "INACTIVE"
	case "ai-agent:Delete":
		s.st.dropAgent(a)
		return
	}
	set(&a.Name, op.Name)
	set(&a.Description, op.Description)
	set(&a.AppID, op.AppID)
}

func set(to *string, v *string) {
	if v != nil {
		*to = *v
	}
}

// later keeps lastUpdated growing, even for two changes within a millisecond.
func later(t, than time.Time) time.Time {
	if t.After(than) {
		return t
	}
	return than.Add(time.Millisecond)
}

// accepted is the answer to every write to an AI agent.
func (c *call) accepted(op *operation) answer {
	return answer{status: http.StatusAccepted}.with("Location", c.base+"/workload-principals/api/v1/operations/"+op.ID)
}

func (c *call) operationView(op *operation) agentOperation {
	status := "DELETED"
	if a := c.st.agent(op.Agent); a != nil {
		status = a.Status
	} else if op.Type == "ai-agent:Register" {
		status = "OPERATION-STARTED"
	}
	v := agentOperation{
		ID: op.ID, Type: op.Type, Status: op.Status, Created: stamp(op.Created), Started: stamp(op.Created),
		Resource: &operationResource{
			ID: op.Agent, Type: "AI_AGENT", Status: status,
			Links: pageLinks{Self: href(c.base, agents, "/", op.Agent)},
		},
	}
	if op.Status != "IN_PROGRESS" {
		v.Completed = stamp(op.Completed)
	}
	if op.ErrorCode != "" {
		v.Error = &operationError{op.ErrorCode, op.ErrorMessage}
	}
	return v
}

func listOperations(c *call) answer {
	items, next, refused := page(c, "operations", c.st.Operations, nil, paged, func(op *operation) place { return place{key: op.Seq} })
	if refused != nil {
		return *refused
	}
	return ok(listBody[agentOperation]{Data: each(items, c.operationView), Links: c.pageLinks(next)})
}

func getOperation(c *call) answer {
	id := c.r.PathValue("op")
	op := find(c.st.Operations, func(op *operation) bool { return op.ID == id })
	if op == nil {
		return notFound(id, "Operation")
	}
	return ok(c.operationView(op))
}
