package entra

import (
	"slices"
	"strings"
)

// namespace precedes every type name of Microsoft Graph; a cast segment may shorten it to "graph.".
const namespace = "microsoft.graph."

// kind is what the published metadata says of a type, as far as the sandbox needs it.
type kind struct {
	name     string
	base     string   // the type of the entity set that holds it
	set      string   // the entity set; empty when there is none
	defaults []string // properties that a read without $select returns, id aside; "[]" after a name: never null, empty list
	more     []string // properties that only $select returns
	rels     []string // relations that a path may name on the base type
	castRels []string // relations that need the cast segment before them
	pageMax  int      // the greatest $top; 0: 999
}

var servicePrincipalProps = split(`deletedDateTime accountEnabled alternativeNames[] appDescription appDisplayName appId
	appOwnerOrganizationId appRoleAssignmentRequired applicationTemplateId createdByAppId createdDateTime description
	disabledByMicrosoftStatus displayName homepage isDisabled loginUrl logoutUrl notes notificationEmailAddresses[]
	preferredSingleSignOnMode preferredTokenSigningKeyThumbprint replyUrls[] servicePrincipalNames[] servicePrincipalType
	signInAudience tags[] tokenEncryptionKeyId samlSingleSignOnSettings addIns[] appRoles[] info keyCredentials[]
	oauth2PermissionScopes[] passwordCredentials[] resourceSpecificApplicationPermissions[] verifiedPublisher`)

var applicationProps = split(`deletedDateTime appId applicationTemplateId createdByAppId createdDateTime defaultRedirectUri
	description disabledByMicrosoftStatus displayName groupMembershipClaims identifierUris[] isDeviceOnlyAuthSupported
	isDisabled isFallbackPublicClient notes optionalClaims publisherDomain requestSignatureVerification samlMetadataUrl
	serviceManagementReference signInAudience tags[] tokenEncryptionKeyId uniqueName certification addIns[] api appRoles[] info
	keyCredentials[] parentalControlSettings passwordCredentials[] publicClient requiredResourceAccess[] spa
	verifiedPublisher web`)

var userProps = split(`businessPhones[] displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname
	userPrincipalName`)

var userMore = split(`accountEnabled ageGroup assignedLicenses[] assignedPlans[] city companyName country createdDateTime
	creationType customSecurityAttributes deletedDateTime department employeeHireDate employeeId employeeOrgData employeeType
	externalUserState faxNumber identities identityParentId imAddresses[] isManagementRestricted isResourceAccount
	lastPasswordChangeDateTime mailNickname onPremisesSyncEnabled otherMails[] passwordPolicies postalCode
	proxyAddresses[] showInAddressList signInActivity signInSessionsValidFromDateTime state streetAddress usageLocation userType`)

var groupProps = split(`deletedDateTime classification createdDateTime description displayName expirationDateTime groupTypes[]
	isAssignableToRole mail mailEnabled mailNickname membershipRule membershipRuleProcessingState onPremisesSyncEnabled
	preferredDataLocation preferredLanguage proxyAddresses[] renewedDateTime resourceBehaviorOptions[]
	resourceProvisioningOptions[] securityEnabled securityIdentifier theme uniqueName visibility`)

var (
	spRels = split(`owners appRoleAssignments appRoleAssignedTo oauth2PermissionGrants memberOf transitiveMemberOf ownedObjects
		createdObjects federatedIdentityCredentials`)
	userRels = split(`manager sponsors sponsorOf directReports memberOf transitiveMemberOf ownedObjects createdObjects
		appRoleAssignments oauth2PermissionGrants`)
)

// kinds are the types that the tenant holds, beside the log.
var kinds = map[string]kind{
	"servicePrincipal": {base: "servicePrincipal", set: "servicePrincipals", defaults: servicePrincipalProps,
		more: split(`customSecurityAttributes managerApplications[]`), rels: spRels},
	"agentIdentity": {base: "servicePrincipal", set: "servicePrincipals", pageMax: 100,
		defaults: append(split(`agentIdentityBlueprintId`), servicePrincipalProps...),
		more:     split(`customSecurityAttributes managerApplications[]`), rels: spRels, castRels: split(`sponsors`)},
	"agentIdentityBlueprintPrincipal": {base: "servicePrincipal", set: "servicePrincipals", pageMax: 100,
		defaults: append(split(`publishedPermissionScopes[] publisherName`), servicePrincipalProps...),
		more:     split(`customSecurityAttributes managerApplications[]`), rels: spRels, castRels: split(`sponsors`)},
	"application": {base: "application", set: "applications", defaults: applicationProps,
		more: split(`managerApplications[] logo`), rels: split(`owners federatedIdentityCredentials`)},
	"agentIdentityBlueprint": {base: "application", set: "applications", pageMax: 100, defaults: applicationProps,
		more: split(`managerApplications[] logo`), rels: split(`owners federatedIdentityCredentials`),
		castRels: split(`sponsors inheritablePermissions`)},
	"user": {base: "user", set: "users", defaults: userProps, more: userMore, rels: userRels},
	"agentUser": {base: "user", set: "users", more: userMore, rels: userRels,
		defaults: append(split(`accountEnabled createdDateTime identityParentId mailNickname userType`), userProps...)},
	"group": {base: "group", set: "groups", defaults: groupProps,
		rels: split(`members transitiveMembers owners memberOf appRoleAssignments`)},
	"oAuth2PermissionGrant": {base: "oAuth2PermissionGrant", set: "oauth2PermissionGrants",
		defaults: split(`clientId consentType principalId resourceId scope`), more: split(`startTime expiryTime`)},
	"appRoleAssignment": {base: "appRoleAssignment", defaults: split(`deletedDateTime appRoleId createdDateTime principalDisplayName
		principalId principalType resourceDisplayName resourceId`)},
	"directoryAudit": {base: "directoryAudit", pageMax: 1000, defaults: split(`activityDateTime activityDisplayName
		additionalDetails[] category correlationId initiatedBy loggedByService operationType result resultReason targetResources[]`)},
	"federatedIdentityCredential": {base: "federatedIdentityCredential", defaults: split(`name issuer subject audiences[] description`)},
	"inheritablePermission":       {base: "inheritablePermission", defaults: split(`resourceAppId inheritableScopes`)},
	"organization": {base: "organization", set: "organization",
		defaults: split(`displayName createdDateTime verifiedDomains[] tenantType`)},
	"unifiedRoleAssignment": {base: "unifiedRoleAssignment", defaults: split(`directoryScopeId principalId roleDefinitionId`),
		more: split(`appScopeId condition principalOrganizationId`), rels: split(`principal roleDefinition`)},
	"unifiedRoleDefinition": {base: "unifiedRoleDefinition", defaults: split(`description displayName isBuiltIn isEnabled
		resourceScopes[] rolePermissions[] templateId version`)},
	"signIn": {base: "signIn", pageMax: 1000, defaults: split(`appDisplayName appId clientAppUsed conditionalAccessStatus correlationId
		createdDateTime ipAddress isInteractive resourceDisplayName resourceId status userDisplayName userId userPrincipalName`),
		more: split(`agent federatedCredentialId resourceServicePrincipalId servicePrincipalCredentialKeyId servicePrincipalId
			servicePrincipalName sessionId signInEventTypes[] uniqueTokenIdentifier`)},
	"subscription": {base: "subscription", defaults: split(`applicationId changeType clientState creatorId encryptionCertificate
		encryptionCertificateId expirationDateTime includeResourceData latestSupportedTlsVersion lifecycleNotificationUrl
		notificationQueryOptions notificationUrl notificationUrlAppId resource`)},
	"riskyAgent": {base: "riskyAgent", defaults: split(`agentDisplayName blueprintId identityType isDeleted isEnabled isProcessing
		riskDetail riskLastModifiedDateTime riskLevel riskState`)},
	"agentRiskDetection": {base: "agentRiskDetection", defaults: split(`activityDateTime additionalInfo agentDisplayName agentId
		blueprintId detectedDateTime detectionTimingType identityType lastModifiedDateTime riskDetail riskEventType riskEvidence
		riskLevel riskState signInRequestId source`)},
	"directoryObject": {base: "directoryObject", defaults: split(`deletedDateTime`)},
}

func split(s string) []string { return strings.Fields(s) }

func kindOf(typ string) kind { k := kinds[typ]; k.name = typ; return k }

// baseOf finds the type that an entity set holds.
func baseOf(set string) (kind, bool) {
	for name, k := range kinds {
		if set != "" && k.set == set && k.base == name {
			return kindOf(name), true
		}
	}
	return kind{}, false
}

// castOf reads a cast segment: microsoft.graph.agentIdentity or graph.agentIdentity, in any case.
func castOf(segment string) (kind, bool) {
	low := strings.ToLower(segment)
	name, ok := strings.CutPrefix(low, namespace)
	if !ok {
		name, ok = strings.CutPrefix(low, "graph.")
	}
	for k := range kinds {
		if ok && strings.EqualFold(k, name) {
			return kindOf(k), true
		}
	}
	return kind{}, false
}

// is tells whether an object of type typ is also one of type k.
func (k kind) is(typ string) bool {
	return typ == k.name || kindOf(typ).base == k.name || k.name == "directoryObject"
}

func (k kind) max() int {
	if k.pageMax > 0 {
		return k.pageMax
	}
	return 999
}

// knows tells whether $select, $filter or $orderby may name a property on the type. Properties of a derived type are
// allowed on its base, as on an open type.
func (k kind) knows(prop string) bool {
	if prop == "id" || k.name == "directoryObject" {
		return true
	}
	for _, d := range kinds {
		if d.base == k.base && (has(d.defaults, prop) || has(d.more, prop)) {
			return true
		}
	}
	return false
}

func has(list []string, prop string) bool {
	return slices.ContainsFunc(list, func(d string) bool { return strings.TrimSuffix(d, "[]") == prop })
}
