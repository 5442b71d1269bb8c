// Package entra is an imitation of Microsoft Entra ID as Microsoft Graph shows it: a tenant with agent identities, their
// blueprints, agent users, people, grants and a directory audit log, over HTTP.
//
// It is written from Microsoft's published documentation (see README.md for what is imitated and what is not) and shares no
// code with the connector that reads it, so that the two cannot share a mistake.
//
// One path through the package: [New] seeds a [Sandbox] (seed.go); [Sandbox.ServeHTTP] (serve.go) authenticates a request and
// resolves its path as OData does, segment by segment (resolve.go), to a list (list.go), a delta round (delta.go), one object
// or a relation (relation.go); [Sandbox.Mutate] changes the tenant as an administrator would and writes the audit log
// (mutate.go, audit.go). What an agent may do lies in grants
// (grant.go, consent.go), directory roles (roles.go) and its blueprint's inheritable permissions (inherit.go); what it did in the
// sign-in log and the risk reports of beta (signin.go, risk.go). Clients that subscribed are told of changes to users and groups
// (subscription.go, notify.go). Whatever the vendor does later than it says (a new object that is not found yet, the cascade after a
// blueprint's deletion, a late log entry) waits in one list of pending effects and takes place when its time has come
// (pending.go).
package entra
