package google

import (
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// serviceAccount is a ServiceAccount of iam/v1. It has neither a time of creation nor of its last change, and its etag is not
// to be used.
type serviceAccount struct {
	UniqueID       string `json:"uniqueId"`
	Email          string `json:"email"`
	DisplayName    string `json:"displayName"`
	Description    string `json:"description"`
	OAuth2ClientID string `json:"oauth2ClientId"`
	Disabled       bool   `json:"disabled"` // absent when false
}

// normalizeServiceAccount reads a service account. Nothing in it says whether what runs as it is an agent.
func normalizeServiceAccount(r connectors.Record) (connectors.Reading, error) {
	var a serviceAccount
	if err := decode(r, &a); err != nil {
		return connectors.Reading{}, err
	}
	if a.UniqueID == "" {
		return connectors.Reading{}, missing(r, "uniqueId")
	}
	user, _, _ := strings.Cut(a.Email, "@")
	agent := &events.Agent{
		Native: typeServiceAccount, Name: word(a.DisplayName, user), Description: a.Description, Status: events.StatusActive,
		Class: events.ClassWorkload, ClassReason: "a service account: anything may run as it", Models: []events.Model{events.ModelService},
		Identifiers: []events.Identifier{
			{Type: events.IDObject, Value: a.UniqueID},
			{Type: events.IDEmail, Value: a.Email},
			{Type: events.IDClient, Value: a.OAuth2ClientID},
		},
	}
	if a.Disabled {
		agent.Status = events.StatusDisabled
	}
	var e events.Entity
	e = agentEntity(a.UniqueID, scopeOf(feedServiceAccounts, placeOf(r)), e.Version, agent)
	return connectors.Reading{Entities: []events.Entity{e}, Keeps: []string{policyScope(accountResource(placeOf(r).Project, a.UniqueID))}}, nil
}
