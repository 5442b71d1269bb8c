package google

import (
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// change is one mutation on its way. It holds the write lock's state.
type change struct {
	*state
	opt Options
	now time.Time
	sandbox.Change
}

// changes are what can be done.
var changes = map[sandbox.Op]func(*change) (sandbox.Outcome, error){
	sandbox.CreateAgent: (*change).create, sandbox.DeleteAgent: (*change).remove, sandbox.RenameAgent: (*change).rename,
	sandbox.DisableAgent: (*change).disable, sandbox.EnableAgent: (*change).enable,
	sandbox.RestoreAgent: (*change).undelete, sandbox.PurgeAgent: (*change).purge,
	sandbox.AddCredential: (*change).addKey, sandbox.RemoveCredential: (*change).removeKey,
	sandbox.DisableCredential: (*change).disableKey, sandbox.EnableCredential: (*change).enableKey,
	sandbox.AddGrant: (*change).addGrant, sandbox.RemoveGrant: (*change).removeGrant,
	sandbox.AddBinding: (*change).addBinding, sandbox.RemoveBinding: (*change).removeBinding,
	sandbox.RewritePolicy: (*change).rewrite,
	sandbox.RedeployAgent: (*change).redeploy,
	sandbox.BlockAgent:    (*change).suspend, sandbox.UnblockAgent: (*change).resume,
	sandbox.AddConsent: (*change).addConsent, sandbox.RemoveConsent: (*change).removeConsent,
	sandbox.AddConnection: (*change).connect, sandbox.RemoveConnection: (*change).disconnect,
	sandbox.CreateProvider: (*change).createProvider, sandbox.DisableProvider: (*change).disableProvider,
	sandbox.EnableProvider: (*change).enableProvider, sandbox.DeleteProvider: (*change).deleteProvider,
	sandbox.RestoreProvider: (*change).restoreProvider,
	sandbox.DelegateDomain:  (*change).delegateDomain, sandbox.UndelegateDomain: (*change).undelegateDomain,
	sandbox.AuthorizeClient: (*change).authorizeClient, sandbox.RevokeClient: (*change).revokeClient,
	sandbox.OpenSink: (*change).openSink, sandbox.CallAgent: (*change).call, sandbox.UseAgent: (*change).use, sandbox.FailChange: (*change).fail,
}

// Mutate makes one change and writes what the vendor would into the audit log. Google has no owners, so owner.add and
// owner.remove always answer [sandbox.ErrNoTarget], and only service accounts can be disabled, enabled and restored.
// A registered agent is deleted and renamed through its host. See the README for the whole table.
func (s *Sandbox) Mutate(ch sandbox.Change) (sandbox.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &change{state: s.st, opt: s.Options, now: s.now(), Change: ch}
	do := changes[ch.Op]
	if do == nil {
		return sandbox.Outcome{}, c.none("Google has nothing like it")
	}
	return do(c)
}

// none says that nothing fits, and why.
func (c *change) none(why string) error {
	what := string(c.Op)
	if c.Agent != "" {
		what += " of " + c.Agent
	} else if c.Native != "" {
		what += " of a " + c.Native
	}
	return fmt.Errorf("google sandbox: %s: %s: %w", what, why, sandbox.ErrNoTarget)
}

// outcome tells what was done. at is when the API first shows it.
func (c *change) outcome(id, name, key string, at time.Time, format string, args ...any) (sandbox.Outcome, error) {
	return sandbox.Outcome{Op: c.Op, Agent: id, Name: name, Key: key, Text: fmt.Sprintf(format, args...), At: at}, nil
}

// wants reports whether the change may be about an agent.
func (c *change) wants(native, id string) bool {
	return (c.Native == "" || c.Native == native) && (c.Agent == "" || c.Agent == id)
}
