package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxControlBody is more than any control request needs.
const maxControlBody = 1 << 20

// ops are the changes to agents; a vendor may lack some.
var ops = []Op{
	CreateAgent, DisableAgent, EnableAgent, DeleteAgent, RestoreAgent, PurgeAgent, RenameAgent,
	AddOwner, RemoveOwner, AddCredential, RemoveCredential, AddGrant, RemoveGrant,
}

// extraOps are the changes that only some vendors have.
var extraOps = []Op{DisablePerson, EnablePerson, SuspendPerson, RenamePerson, ActAgent, ImportAgents}

// directoryOps are the changes that only a directory of Entra's kind has.
var directoryOps = []Op{
	BlockAgent, UnblockAgent, AddRole, RemoveRole, AddInheritable, RemoveInheritable, AddConsent, RemoveConsent, RaiseRisk, DismissRisk,
}

// cloudOps are the changes that only a cloud of Google's kind has.
var cloudOps = []Op{
	AddBinding, RemoveBinding, RewritePolicy, DisableCredential, EnableCredential, RedeployAgent, CallAgent, UseAgent, FailChange, AddConnection, RemoveConnection,
	CreateProvider, DisableProvider, EnableProvider, DeleteProvider, RestoreProvider, OpenSink,
	DelegateDomain, UndelegateDomain, AuthorizeClient, RevokeClient,
}

// Ops returns the changes that each vendor has for some agent or other, in a fixed order, for tests that draw from them.
func Ops() []Op { return slices.Clone(ops) }

// ExtraOps returns the changes that only some vendors have, in a fixed order. They are not among [Ops], so that a test which
// wants each change done at every vendor still can.
func ExtraOps() []Op { return slices.Clone(extraOps) }

// DirectoryOps returns the changes that only a directory like Entra has: agents blocked by the vendor, directory roles, what is
// inherited from a blueprint, consents, risks. They are not among [ExtraOps], most of which more than one vendor has.
func DirectoryOps() []Op { return slices.Clone(directoryOps) }

// CloudOps returns the changes that only a cloud like Google has: roles on other resources than projects, keys that are disabled,
// agents that are deployed anew, changes that agents make and changes that fail, stores of delegated credentials, a queue. Of the
// [DirectoryOps] it has consents and agents blocked by the vendor too.
func CloudOps() []Op { return slices.Clone(cloudOps) }

// controls is the control API, JSON throughout. It asks for no credentials: a sandbox listens on loopback.
//
//	POST   /_control/mutate  Change → Outcome; 409 when nothing fits
//	POST   /_control/faults  Fault → 204
//	DELETE /_control/faults  204, all faults gone
//	POST   /_control/expire  204, every cursor handed out so far is invalid
//	GET    /_control/truth   Truth
//	GET    /_control/calls   {"calls":{"GET /x/{id}":3},"fired":{"rate_limit":1}}
//	GET    /_control/health  {"vendor":"okta","status":"ok"}
func (s *Server) controls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_control/mutate", s.mutate)
	mux.HandleFunc("POST /_control/faults", s.inject)
	mux.HandleFunc("DELETE /_control/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_control/expire", func(w http.ResponseWriter, _ *http.Request) {
		s.vendor.ExpireCursors()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_control/truth", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, s.vendor.Truth())
	})
	mux.HandleFunc("GET /_control/calls", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"calls": s.Calls(), "fired": s.Fired()})
	})
	mux.HandleFunc("GET /_control/health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"vendor": s.vendor.Name(), "status": "ok"})
	})
	mux.HandleFunc("/_control/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Errorf("%s %s is not part of the control API: it has POST mutate, faults, expire; "+
			"DELETE faults; GET truth, calls, health", r.Method, r.URL.Path))
	})
	return mux
}

func (s *Server) mutate(w http.ResponseWriter, r *http.Request) {
	var c Change
	if err := decode(r, &c); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if all := slices.Concat(ops, extraOps, directoryOps, cloudOps); !slices.Contains(all, c.Op) {
		refuse(w, http.StatusBadRequest, fmt.Errorf("op: %q is not a change; use one of %v", c.Op, all))
		return
	}
	out, err := s.vendor.Mutate(c)
	switch {
	case errors.Is(err, ErrNoTarget):
		refuse(w, http.StatusConflict, err)
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	default:
		reply(w, http.StatusOK, out)
	}
}

func (s *Server) inject(w http.ResponseWriter, r *http.Request) {
	var f Fault
	err := decode(r, &f)
	if err == nil {
		err = s.Inject(f)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// decode reads one JSON object and nothing else. Its errors name the field that is wrong.
func decode(r *http.Request, v any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, maxControlBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("%s: a JSON %s, but the field is a %s", wrong.Field, wrong.Value, wrong.Type)
	case errors.Is(err, io.EOF):
		return errors.New("body: empty, but a JSON object is needed")
	case err != nil:
		return fmt.Errorf("body: %s", strings.TrimPrefix(err.Error(), "json: "))
	case d.More():
		return errors.New("body: something follows after the JSON object")
	}
	return nil
}

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
