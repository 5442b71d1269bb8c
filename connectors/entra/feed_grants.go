package entra

import "github.com/rollcallhq/rollcall/connectors"

// grants sweeps what agents and blueprint principals may do: application roles, directory roles, and the consents by which they act
// for persons. What a blueprint's principal may do can flow to all its agents.
func grants(c *client) connectors.Feed {
	return newSweep(c, "grants", listAgents.with(principalGrants), listUsers.with(userGrants), listPrincipals.with(principalGrants),
		listTagged.with(principalGrants))
}

// federatedCredentials sweeps the federated identity credentials of blueprints, which the delta of applications does not show.
func federatedCredentials(c *client) connectors.Feed {
	return newSweep(c, "federated-credentials", listBlueprints.with(blueprintCredentials))
}
