package google

import (
	"net/url"
	"strings"
)

// route is one method of one service.
type route struct {
	service string   // prefix that the service is mounted under
	verb    string   // HTTP method
	pattern string   // path after the prefix, with {name} for a segment and :verb for a custom method
	method  string   // the full method name, as error details and logs spell it
	params  []string // query parameters it knows, in camelCase
	handle  func(*call) (any, *apiError)
}

var (
	paged      = []string{"pageSize", "pageToken"}
	filtered   = []string{"pageSize", "pageToken", "filter"}
	ordered    = []string{"pageSize", "pageToken", "filter", "orderBy"}
	located    = []string{"pageSize", "pageToken", "filter", "extraLocationTypes"}
	withPolicy = []string{"options.requestedPolicyVersion"}
)

// Beginnings of patterns that many methods share.
const (
	inPlace = "v1/projects/{project}/locations/{location}"
	inApps  = "v1alpha/projects/{project}/locations/{location}/collections/{collection}/engines"
	inApp   = inApps + "/{app}/assistants"
	inAgent = inApp + "/{assistant}/agents"
	inPools = "v1/projects/{project}/locations/{location}/workloadIdentityPools"
	inSpace = inPools + "/{pool}/namespaces"
	managed = inSpace + "/{namespace}/managedIdentities"
)

// routes are all methods that the sandbox has, in the order of the services' names.
var routes = []route{
	{serviceIdentity, "GET", "v1/projects/{project}/locations", "Locations.ListLocations", located, listLocations},
	{serviceIdentity, "GET", inPlace + "/authProviders",
		"google.cloud.agentidentity.v1.AuthProviderService.ListAuthProviders", with(ordered, "showDeleted"), listProviders},
	{serviceIdentity, "GET", inPlace + "/authProviders/{provider}",
		"google.cloud.agentidentity.v1.AuthProviderService.GetAuthProvider", nil, getProvider},
	{serviceIdentity, "GET", inPlace + "/authProviders/{provider}:getIamPolicy",
		"google.iam.v1.IAMPolicy.GetIamPolicy", withPolicy, getProviderPolicy},
	{serviceIdentity, "GET", inPlace + "/authProviders/{provider}:queryWorkloads",
		"google.cloud.agentidentity.v1.AuthProviderService.QueryWorkloads", paged, queryWorkloads},
	{serviceIdentity, "GET", inPlace + "/authProviders:query",
		"google.cloud.agentidentity.v1.AuthProviderService.QueryAuthProviders", with(paged, "workloadId"), queryProviders},
	{serviceIdentity, "GET", inPlace + "/authProviders/{provider}/authorizations",
		"google.cloud.agentidentity.v1.AuthProviderService.ListAuthorizations", ordered, listConsents},
	{serviceIdentity, "GET", inPlace + "/authProviders/{provider}/authorizations/{consent}",
		"google.cloud.agentidentity.v1.AuthProviderService.GetAuthorization", nil, getConsent},
	{serviceIdentity, "GET", inPlace + "/accessSummaries",
		"google.cloud.agentidentity.v1.AccessSummaryService.ListAccessSummaries", ordered, listSummaries},
	{serviceIdentity, "GET", inPlace + "/accessSummaries/{summary}",
		"google.cloud.agentidentity.v1.AccessSummaryService.GetAccessSummary", nil, getSummary},

	{serviceRegistry, "GET", "v1/projects/{project}/locations", "Locations.ListLocations", located, listLocations},
	{serviceRegistry, "GET", inPlace, "Locations.GetLocation", nil, getLocation},
	{serviceRegistry, "GET", inPlace + "/agents",
		"google.cloud.agentregistry.v1.AgentRegistry.ListAgents", ordered, listRegistered},
	{serviceRegistry, "GET", inPlace + "/agents/{agent}",
		"google.cloud.agentregistry.v1.AgentRegistry.GetAgent", nil, getRegistered},
	{serviceRegistry, "GET", inPlace + "/bindings",
		"google.cloud.agentregistry.v1.AgentRegistry.ListBindings", ordered, listBindings},
	{serviceRegistry, "GET", inPlace + "/bindings/{binding}",
		"google.cloud.agentregistry.v1.AgentRegistry.GetBinding", nil, getBinding},
	{serviceRegistry, "GET", inPlace + "/services",
		"google.cloud.agentregistry.v1.AgentRegistry.ListServices", filtered, listManual},
	{serviceRegistry, "GET", inPlace + "/services/{service}",
		"google.cloud.agentregistry.v1.AgentRegistry.GetService", nil, getManual},

	{servicePlatform, "GET", "v1/projects/{project}/locations", "Locations.ListLocations", located, listLocations},
	{servicePlatform, "GET", inPlace + "/agents", "google.cloud.aiplatform.v1.AgentService.ListAgents", ordered, listOwnAgents},
	{servicePlatform, "GET", inPlace + "/reasoningEngines",
		"google.cloud.aiplatform.v1.ReasoningEngineService.ListReasoningEngines", filtered, listEngines},
	{servicePlatform, "GET", inPlace + "/reasoningEngines/{engine}",
		"google.cloud.aiplatform.v1.ReasoningEngineService.GetReasoningEngine", nil, getEngine},
	{servicePlatform, "POST", inPlace + "/reasoningEngines/{engine}:getIamPolicy",
		"google.iam.v1.IAMPolicy.GetIamPolicy", withPolicy, getEnginePolicy},

	{serviceAdmin, "GET", "admin/reports/v1/activity/users/{user}/applications/{application}", "reports.activities.ListActivities",
		[]string{"actorIpAddress", "agentInfoFilter", "applicationInfoFilter", "customerId", "deviceFilter", "endTime", "eventName", "filters",
			"groupIdFilter", "includeSensitiveData", "maxResults", "networkInfoFilter", "orgUnitID", "pageToken", "resourceDetailsFilter",
			"startTime", "statusFilter"}, listActivities},

	{serviceAsset, "GET", "v1/{scope}/{id}:searchAllResources", "google.cloud.asset.v1.AssetService.SearchAllResources",
		[]string{"assetTypes", "orderBy", "pageSize", "pageToken", "query", "readMask"}, searchResources},
	{serviceAsset, "GET", "v1/{scope}/{id}:searchAllIamPolicies", "google.cloud.asset.v1.AssetService.SearchAllIamPolicies",
		[]string{"assetTypes", "orderBy", "pageSize", "pageToken", "query"}, searchPolicies},

	{serviceResource, "GET", "v3/projects:search",
		"google.cloud.resourcemanager.v3.Projects.SearchProjects", with(paged, "query"), searchProjects},
	{serviceResource, "GET", "v3/projects/{project}",
		"google.cloud.resourcemanager.v3.Projects.GetProject", nil, getProject},
	{serviceResource, "POST", "v3/projects/{project}:getIamPolicy",
		"google.cloud.resourcemanager.v3.Projects.GetIamPolicy", nil, getProjectPolicy},

	{serviceResource, "GET", "v3/projects",
		"google.cloud.resourcemanager.v3.Projects.ListProjects", with(with(paged, "parent"), "showDeleted"), listProjects},
	{serviceResource, "GET", "v3/folders",
		"google.cloud.resourcemanager.v3.Folders.ListFolders", with(with(paged, "parent"), "showDeleted"), listFolders},
	{serviceResource, "GET", "v3/folders:search",
		"google.cloud.resourcemanager.v3.Folders.SearchFolders", with(paged, "query"), searchFolders},
	{serviceResource, "GET", "v3/folders/{folder}",
		"google.cloud.resourcemanager.v3.Folders.GetFolder", nil, getFolder},
	{serviceResource, "POST", "v3/folders/{folder}:getIamPolicy",
		"google.cloud.resourcemanager.v3.Folders.GetIamPolicy", nil, getFolderPolicy},
	{serviceResource, "GET", "v3/organizations:search",
		"google.cloud.resourcemanager.v3.Organizations.SearchOrganizations", with(paged, "query"), searchOrganizations},
	{serviceResource, "GET", "v3/organizations/{organization}",
		"google.cloud.resourcemanager.v3.Organizations.GetOrganization", nil, getOrganization},
	{serviceResource, "POST", "v3/organizations/{organization}:getIamPolicy",
		"google.cloud.resourcemanager.v3.Organizations.GetIamPolicy", nil, getOrganizationPolicy},

	{serviceDiscovery, "GET", inApps,
		"google.cloud.discoveryengine.v1alpha.EngineService.ListEngines", filtered, listApps},
	{serviceDiscovery, "GET", inApps + "/{app}",
		"google.cloud.discoveryengine.v1alpha.EngineService.GetEngine", nil, getApp},
	{serviceDiscovery, "GET", inApps + "/{app}:getIamPolicy",
		"google.cloud.discoveryengine.v1alpha.EngineService.GetIamPolicy", withPolicy, getAppPolicy},
	{serviceDiscovery, "GET", "v1alpha/projects/{project}/locations/{location}/authorizations",
		"google.cloud.discoveryengine.v1alpha.AuthorizationService.ListAuthorizations", paged, listAuthorizations},
	{serviceDiscovery, "GET", "v1alpha/projects/{project}/locations/{location}/authorizations/{authorization}",
		"google.cloud.discoveryengine.v1alpha.AuthorizationService.GetAuthorization", nil, getAuthorization},
	{serviceDiscovery, "GET", inApp,
		"google.cloud.discoveryengine.v1alpha.AssistantService.ListAssistants", paged, listAssistants},
	{serviceDiscovery, "GET", inAgent,
		"google.cloud.discoveryengine.v1alpha.AgentService.ListAgents", ordered, listGemini},
	{serviceDiscovery, "GET", inAgent + "/{agent}",
		"google.cloud.discoveryengine.v1alpha.AgentService.GetAgent", nil, getGemini},

	{serviceIAM, "GET", "v1/projects/{project}/serviceAccounts",
		"google.iam.admin.v1.IAM.ListServiceAccounts", paged, listAccounts},
	{serviceIAM, "GET", "v1/projects/{project}/serviceAccounts/{account}",
		"google.iam.admin.v1.IAM.GetServiceAccount", nil, getAccount},
	{serviceIAM, "POST", "v1/projects/{project}/serviceAccounts/{account}:getIamPolicy",
		"google.iam.v1.IAMPolicy.GetIamPolicy", withPolicy, getAccountPolicy},
	{serviceIAM, "GET", "v1/projects/{project}/serviceAccounts/{account}/keys",
		"google.iam.admin.v1.IAM.ListServiceAccountKeys", []string{"keyTypes"}, listKeys},
	{serviceIAM, "GET", "v1/projects/{project}/serviceAccounts/{account}/keys/{key}",
		"google.iam.admin.v1.IAM.GetServiceAccountKey", []string{"publicKeyType"}, getKey},

	{serviceIAM, "POST", "v1/projects/{project}/serviceAccounts",
		"google.iam.admin.v1.IAM.CreateServiceAccount", nil, createAccount},
	{serviceIAM, "DELETE", "v1/projects/{project}/serviceAccounts/{account}",
		"google.iam.admin.v1.IAM.DeleteServiceAccount", nil, deleteAccount},
	{serviceIAM, "POST", "v1/projects/{project}/serviceAccounts/{account}:disable",
		"google.iam.admin.v1.IAM.DisableServiceAccount", nil, disableAccount},
	{serviceIAM, "POST", "v1/projects/{project}/serviceAccounts/{account}:enable",
		"google.iam.admin.v1.IAM.EnableServiceAccount", nil, enableAccount},
	{serviceIAM, "POST", "v1/projects/{project}/serviceAccounts/{account}:undelete",
		"google.iam.admin.v1.IAM.UndeleteServiceAccount", nil, undeleteAccount},
	{serviceIAM, "POST", "v1/projects/{project}/serviceAccounts/{account}/keys:upload",
		"google.iam.admin.v1.IAM.UploadServiceAccountKey", nil, uploadKey},
	{serviceIAM, "DELETE", "v1/projects/{project}/serviceAccounts/{account}/keys/{key}",
		"google.iam.admin.v1.IAM.DeleteServiceAccountKey", nil, deleteKey},

	{serviceIAM, "GET", inPools, "google.iam.v1.WorkloadIdentityPools.ListWorkloadIdentityPools", with(paged, "showDeleted"), listPools},
	{serviceIAM, "GET", inPools + "/{pool}", "google.iam.v1.WorkloadIdentityPools.GetWorkloadIdentityPool", nil, getPool},
	{serviceIAM, "POST", inPools + "/{pool}:getIamPolicy", "google.iam.v1.WorkloadIdentityPools.GetIamPolicy", nil, getPoolPolicy},
	{serviceIAM, "GET", inPools + "/{pool}/providers",
		"google.iam.v1.WorkloadIdentityPools.ListWorkloadIdentityPoolProviders", with(paged, "showDeleted"), listPoolProviders},
	{serviceIAM, "GET", inPools + "/{pool}/providers/{provider}",
		"google.iam.v1.WorkloadIdentityPools.GetWorkloadIdentityPoolProvider", nil, getPoolProvider},
	{serviceIAM, "GET", inSpace,
		"google.iam.v1.WorkloadIdentityPools.ListWorkloadIdentityPoolNamespaces", with(paged, "showDeleted"), listNamespaces},
	{serviceIAM, "GET", inSpace + "/{namespace}",
		"google.iam.v1.WorkloadIdentityPools.GetWorkloadIdentityPoolNamespace", nil, getNamespace},
	{serviceIAM, "GET", managed,
		"google.iam.v1.WorkloadIdentityPools.ListWorkloadIdentityPoolManagedIdentities", with(paged, "showDeleted"), listManaged},
	{serviceIAM, "GET", managed + "/{identity}",
		"google.iam.v1.WorkloadIdentityPools.GetWorkloadIdentityPoolManagedIdentity", nil, getManaged},
	{serviceIAM, "GET", managed + "/{identity}:listAttestationRules",
		"google.iam.v1.WorkloadIdentityPools.ListAttestationRules", filtered, listAttestations},

	{serviceTokens, "POST", "v1/projects/{project}/serviceAccounts/{account}:generateAccessToken",
		"google.iam.credentials.v1.IAMCredentials.GenerateAccessToken", nil, generateAccessToken},

	{serviceLogging, "POST", "v2/entries:list",
		"google.logging.v2.LoggingServiceV2.ListLogEntries", nil, listEntries},

	{servicePubSub, "GET", "v1/projects/{project}/subscriptions", "google.pubsub.v1.Subscriber.ListSubscriptions", paged, listSubscriptions},
	{servicePubSub, "GET", "v1/projects/{project}/subscriptions/{subscription}", "google.pubsub.v1.Subscriber.GetSubscription", nil, getSubscription},
	{servicePubSub, "POST", "v1/projects/{project}/subscriptions/{subscription}:pull", "google.pubsub.v1.Subscriber.Pull", nil, pull},
	{servicePubSub, "POST", "v1/projects/{project}/subscriptions/{subscription}:acknowledge",
		"google.pubsub.v1.Subscriber.Acknowledge", nil, acknowledge},
	{servicePubSub, "POST", "v1/projects/{project}/subscriptions/{subscription}:modifyAckDeadline",
		"google.pubsub.v1.Subscriber.ModifyAckDeadline", nil, modifyAckDeadline},

	{serviceRun, "GET", "v2/projects/{project}/locations/{location}/services",
		"google.cloud.run.v2.Services.ListServices", with(paged, "showDeleted"), listRuns},
	{serviceRun, "GET", "v2/projects/{project}/locations/{location}/services/{service}",
		"google.cloud.run.v2.Services.GetService", nil, getRun},
	{serviceRun, "GET", "v2/projects/{project}/locations/{location}/services/{service}:getIamPolicy",
		"google.cloud.run.v2.Services.GetIamPolicy", withPolicy, getRunPolicy},
}

// writes reports whether the method changes the state, as leasing and acknowledging messages does, and issuing tokens.
func (r *route) writes() bool {
	return r.writesAccounts() || r.service == serviceTokens || r.service == servicePubSub && r.verb == "POST"
}

// with is a set of parameters and one more.
func with(params []string, more string) []string { return append([]string{more}, params...) }

// find returns the route of a request and its path variables; nil when the service has no such method.
func find(verb, escapedPath string) (*route, map[string]string) {
	service, rest, ok := strings.Cut(strings.TrimPrefix(escapedPath, "/"), "/")
	if !ok {
		return nil, nil
	}
	for i := range routes {
		r := &routes[i]
		if r.service != service || r.verb != verb {
			continue
		}
		if vars, ok := match(r.pattern, rest); ok {
			return r, vars
		}
	}
	return nil, nil
}

// match compares a path with a pattern, segment by segment. A variable takes one non-empty segment, unescaped, without
// the colon that would begin a custom method.
func match(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	vars := map[string]string{}
	for i, w := range want {
		name, custom, ok := variable(w)
		if !ok {
			if w != got[i] {
				return nil, false
			}
			continue
		}
		value, found := strings.CutSuffix(got[i], custom)
		text, err := url.PathUnescape(value)
		if !found || err != nil || text == "" || strings.Contains(text, ":") {
			return nil, false
		}
		vars[name] = text
	}
	return vars, true
}

// variable splits {name}:verb into the name and :verb.
func variable(segment string) (name, custom string, ok bool) {
	if !strings.HasPrefix(segment, "{") {
		return "", "", false
	}
	name, custom, ok = strings.Cut(segment[1:], "}")
	return name, custom, ok
}
