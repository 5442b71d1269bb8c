package okta

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// state is the whole org, as it is saved. Its fields are the sandbox's own; what a client sees is made of it in the files
// of the endpoints. Lists are in order of creation, which is the order of their pages.
type state struct {
	Org    string
	Domain string       // of the people's addresses
	Rand   sandbox.Rand // of ids; only changes draw from it
	Noise  sandbox.Rand // of tokens and log entries, which reading may cause too
	Clock  time.Time
	Seq    int64 // the last creation number given out
	Epoch  int   // grows when cursors expire

	Agents     []*agent
	Apps       []*app
	Users      []*user
	Groups     []*group
	Tokens     []*apiToken
	Hooks      []*hook
	Servers    []*authServer
	Provider   string // aip id of the import source, once there is one
	Operations []*operation
	Log        []*logEntry // in order of arrival
	Logged     int64       // entries ever logged, for LogLate
	Client     client
	Access     []*accessToken
	Assertions map[string]time.Time // used jti → when it may be forgotten
	Admin      string               // the user id that acts when nobody else does

	ids index
}

type agent struct {
	ID, Status, Name, Description string
	AppID                         string
	Platform, ExternalID          string // of an imported agent
	Provider                      string // aip id of an imported agent
	Created, Updated              time.Time
	Seq                           int64
	Keys                          []*key
	Connections                   []*connection
	Links                         []*delegationLink
	Owners                        []owner
	Bound                         bool // has an entry among the resource owners, be it without owners
}

type owner struct{ Binding, Type, ID string } // pri id; users or groups; user or group id

type key struct {
	ID, Status       string
	Kid              string // if it is not the id
	EC               bool
	N, X, Y          string // base64url numbers of the public key
	Created, Updated time.Time
}

type connection struct {
	ID, Type, Status string
	Target           string // app id or auth server id, by type
	Name             string // of a vaulted secret or a service account
	Account          string // ORN tail of the secret or the service account
	ScopeCondition   string
	Scopes           []string
	Seq              int64
}

type delegationLink struct {
	ID, ClientOrn, TokenType, To string
	Seq                          int64
}

type app struct {
	ID, Name, Label, Status, SignOn string
	Kind                            string // settings.oauthClient.application_type, or empty
	AuthMethod                      string
	KeysURI                         string // where the app keeps its keys itself; it has none here then
	Secrets                         []*secret
	Keys                            []*key
	Grants                          []*grant
	Roles                           []*role
	DPoP                            bool
	Created, Updated                time.Time
	Seq                             int64
}

type secret struct {
	ID, Value, Hash, Status string
	Created, Updated        time.Time
}

type grant struct {
	ID, Scope, By string
	Created       time.Time
}

type role struct {
	ID, Type, Label string
	Created         time.Time
}

type user struct {
	ID, Key, First, Last, Email, Title, Department, Status string
	Created, Updated, Changed                              time.Time // zero: not updated, or status not changed, since created
	Seq                                                    int64
}

type group struct {
	ID, Key, Name, Type string
	Members             []string // user ids
	Created, Updated    time.Time
	Seq                 int64
}

type apiToken struct {
	ID, Name, User, Client    string
	Created, Updated, Expires time.Time
}

type authServer struct{ ID, Name, Audience string }

// operation is a write to an AI agent, which Okta carries out some time after it has answered 202.
type operation struct {
	Seq                      int64
	ID, Type, Status         string
	Agent                    string
	New                      *agent  // of a registration
	Name, Description, AppID *string // of a change: what is to be set; nil: stays
	Created, Due, Completed  time.Time
	ErrorCode, ErrorMessage  string
}

// Snapshot returns the whole state as JSON, the generator's included, so that a restored org hands out the same ids and
// knows the same cursors and tokens.
func (s *Sandbox) Snapshot() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := json.Marshal(s.st)
	if err != nil {
		return nil, fmt.Errorf("okta: write the snapshot: %w", err)
	}
	return b, nil
}

// Restore replaces the whole state by a snapshot's. After an error the state is what it was.
func (s *Sandbox) Restore(b []byte) error {
	st := &state{}
	if err := json.Unmarshal(b, st); err != nil {
		return fmt.Errorf("okta: read the snapshot: %w", err)
	}
	if st.Org == "" || st.Client.ID == "" {
		return fmt.Errorf("okta: read the snapshot: it names no org; was it written by another vendor's sandbox?")
	}
	if st.Assertions == nil {
		st.Assertions = map[string]time.Time{}
	}
	st.reindex()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st = st
	return nil
}

// id mints an id in Okta's form: 20 characters, a prefix that says the kind, and a suffix that all of one cell share.
func (st *state) id(prefix string) string {
	return prefix + st.Rand.Base62(20-len(prefix)-3) + "0g7"
}

func (st *state) next() int64 {
	st.Seq++
	return st.Seq
}

// ORNs, Okta's resource names. The partition is okta in production.

func (st *state) agentORN(id string) string {
	return "orn:okta:directory:" + st.Org + ":workload-principals:ai-agents:" + id
}

func (st *state) connectionORN(id string) string {
	return "orn:okta:idp:" + st.Org + ":connections:" + id
}

func (st *state) appORN(a *app) string {
	return "orn:okta:idp:" + st.Org + ":apps:" + a.Name + ":" + a.ID
}

func (st *state) serverORN(id string) string {
	return "orn:okta:idp:" + st.Org + ":authorization_servers:" + id
}

func (st *state) principalORN(o owner) string {
	return "orn:okta:directory:" + st.Org + ":" + o.Type + ":" + o.ID
}
