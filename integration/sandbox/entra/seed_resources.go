package entra

// roleSpec and scopeSpec name one application permission and one delegated permission of a resource.
type (
	roleSpec  struct{ id, value, name string }
	scopeSpec struct{ id, value, name string }
)

// graphAppID is Microsoft Graph's own application id, the same in every tenant.
const graphAppID = "00000003-0000-0000-c000-000000000000"

// microsoftTenant owns Microsoft's first-party applications.
const microsoftTenant = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

// Permissions of Microsoft Graph, with their published ids.
var (
	graphRoles = []roleSpec{
		{"df021288-bdef-4463-88db-98f22de89214", "User.Read.All", "Read all users' full profiles"},
		{"5b567255-7703-4780-807c-7be8301ae99b", "Group.Read.All", "Read all groups"},
		{"7ab1d382-f21e-4acd-a863-ba3e13f7da61", "Directory.Read.All", "Read directory data"},
		{"810c84a8-4a9e-49e6-bf7d-12d183f40d01", "Mail.Read", "Read mail in all mailboxes"},
		{"332a536c-c7ef-4017-ab91-336970924f0d", "Sites.Read.All", "Read items in all site collections"},
	}
	graphScopes = []scopeSpec{
		{"e1fe6dd8-ba31-4d61-89e7-88639da4683d", "User.Read", "Sign in and read user profile"},
		{"570282fd-fa5c-427a-a61d-c3a6c5a5ebfa", "Mail.Read", "Read user mail"},
		{"465a38f9-76ea-45b9-9f34-9e8b0d4b0b42", "Calendars.Read", "Read user calendars"},
		{"10465720-29dd-4523-a11a-6a75c743c9d9", "Files.Read", "Read user files"},
	}
)

// firstParty are Microsoft's own service principals, a minority of those that a tenant really has.
var firstParty = []struct{ name, appID string }{
	{"Office 365 Exchange Online", "00000002-0000-0ff1-ce00-000000000000"},
	{"Office 365 SharePoint Online", "00000003-0000-0ff1-ce00-000000000000"},
	{"Azure Key Vault", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"},
	{"Windows Azure Service Management API", "797f4846-ba00-4fd7-ba43-dac1f8f63013"},
	{"Microsoft Graph Change Tracking", "0bf30f3b-4a52-48df-9a82-234910c4a086"},
}

// ownAPIs are the customer's resources: each offers two application permissions and one delegated one.
var ownAPIs = []struct{ name, what, thing string }{
	{"Ledger API", "The general ledger and its journals.", "Journals"},
	{"People Data API", "Master data of employees.", "Employees"},
	{"Ticket Hub API", "Customer tickets and their history.", "Tickets"},
	{"Warehouse API", "Stock levels and shipments.", "Shipments"},
	{"Contract Vault API", "Signed contracts and their terms.", "Contracts"},
}

func (b *builder) addResources() {
	b.offer(b.addFirstParty("Microsoft Graph", graphAppID), graphRoles, graphScopes)
	for _, p := range firstParty {
		b.addFirstParty(p.name, p.appID)
	}
	for _, a := range ownAPIs {
		_, sp := b.addApp(a.name, a.what, b.st.Rand.UUID())
		b.offer(sp, []roleSpec{
			{b.st.Rand.UUID(), a.thing + ".Read.All", "Read all " + a.thing},
			{b.st.Rand.UUID(), a.thing + ".ReadWrite.All", "Read and write all " + a.thing},
		}, []scopeSpec{{b.st.Rand.UUID(), a.thing + ".Read", "Read " + a.thing + " of the signed-in user"}})
	}
}

func (b *builder) addFirstParty(name, appID string) *object {
	return b.create("servicePrincipal", b.st.Rand.UUID(), map[string]any{
		"accountEnabled": true, "appDisplayName": name, "appId": appID, "appOwnerOrganizationId": microsoftTenant,
		"appRoleAssignmentRequired": false, "createdDateTime": stamp(b.ago(1200)), "displayName": name,
		"servicePrincipalNames": []any{appID}, "servicePrincipalType": "Application", "signInAudience": "AzureADMultipleOrgs",
		"tags": []any{},
	})
}

// offer publishes the permissions that a resource's service principal has to grant.
func (b *builder) offer(sp *object, roles []roleSpec, scopes []scopeSpec) {
	var r, p []any
	for _, x := range roles {
		r = append(r, map[string]any{"allowedMemberTypes": []any{"Application"}, "description": x.name, "displayName": x.name,
			"id": x.id, "isEnabled": true, "origin": "Application", "value": x.value})
	}
	for _, x := range scopes {
		p = append(p, map[string]any{"adminConsentDescription": x.name, "adminConsentDisplayName": x.name, "id": x.id,
			"isEnabled": true, "type": "User", "userConsentDescription": nil, "userConsentDisplayName": nil, "value": x.value})
	}
	b.set(sp, "appRoles", r)
	b.set(sp, "oauth2PermissionScopes", p)
	b.ix.apis = append(b.ix.apis, sp)
}

// pickOf draws one entry of a list property of a resource, such as appRoles.
func (s *Sandbox) pickOf(o *object, prop string) map[string]any {
	list, _ := o.Props[prop].([]any)
	if len(list) == 0 {
		return nil
	}
	m, _ := list[s.st.Rand.Pick(len(list))].(map[string]any)
	return m
}
