package google

import (
	"fmt"
	"slices"
	"time"
)

// roles are what agents are given. The last one is far too much, and the seed gives it to few.
var roles = []string{
	"roles/bigquery.dataViewer", "roles/bigquery.jobUser", "roles/storage.objectViewer", "roles/aiplatform.user",
	"roles/logging.logWriter", "roles/datastore.user", "roles/pubsub.subscriber", "roles/secretmanager.secretAccessor",
	"roles/cloudtrace.agent", "roles/run.invoker", "roles/storage.objectAdmin", "roles/editor",
}

// untilTime is a condition that ends a grant.
func untilTime(end time.Time) *expr {
	return &expr{Title: "until-" + end.Format("2006-01-02"), Description: "quarterly review",
		Expression: fmt.Sprintf("request.time < timestamp(%q)", end.Format(time.RFC3339))}
}

// seedGrants gives a member one to three roles in its project, some of them until a date, and sometimes one elsewhere.
func (s *seeding) seedGrants(home, member string, at time.Time) {
	for i := range 1 + s.Rand.Pick(3) {
		role, cond := roles[s.Rand.Pick(len(roles)-1)], (*expr)(nil)
		if s.Rand.Chance(0.06) {
			role = roles[len(roles)-1]
		}
		if s.Rand.Chance(0.2) {
			cond = untilTime(s.at.AddDate(0, 2+s.Rand.Pick(6), 0).Truncate(24 * time.Hour))
		}
		project := home
		if i == 2 {
			project = s.Projects[s.Rand.Pick(len(s.Projects))].ProjectID
		}
		s.give(project, role, member, cond, at.Add(time.Duration(i+1)*time.Minute))
	}
}

// give grants a role that the member does not have there yet.
func (s *seeding) give(project, role, member string, cond *expr, at time.Time) {
	s.giveOn(projectPolicyKey(project), role, member, cond, at)
}

// humans gives people and groups their roles in the projects, and leaves what an old organization has: members that are
// gone, and a set of principals.
func (s *seeding) humans() {
	for _, p := range s.Projects {
		policy := s.Policies[projectPolicyKey(p.ProjectID)]
		policy.grant("roles/owner", "user:"+s.Admin, nil)
		policy.grant("roles/viewer", "group:"+s.group(), nil)
		policy.grant("roles/aiplatform.admin", "user:"+s.person(), nil)
		policy.grant("roles/logging.viewer", "user:"+s.person(), untilTime(s.at.AddDate(1, 0, 0)))
		policy.grant("roles/viewer", "deleted:serviceAccount:retired@"+p.ProjectID+
			".iam.gserviceaccount.com?uid=1"+s.Rand.Digits(20), nil)
		policy.grant("roles/logging.logWriter", "principalSet://"+s.trustDomain()+
			"/attribute.platformContainer/aiplatform/projects/"+p.Number, nil)
		policy.grant("roles/aiplatform.user", "principal://"+s.trustDomain()+"/resources/aiplatform/projects/"+p.Number+
			"/locations/us-central1/reasoningEngines/"+s.Rand.Digits(19), nil) // an engine that was deployed anew
	}
}

// impersonators are the people who may act as the account.
func (s *seeding) impersonators(a *account) {
	if s.Rand.Chance(0.5) {
		p := &policy{}
		p.grant("roles/iam.serviceAccountTokenCreator", "user:"+s.person(), nil)
		p.grant("roles/iam.serviceAccountUser", "group:"+s.group(), nil)
		s.Policies[accountPolicyKey(a.UniqueID)] = p
	}
}

// callers are the people who may call the engine.
func (s *seeding) callers(e *engine) {
	if s.Rand.Chance(0.5) {
		p := &policy{}
		p.grant("roles/aiplatform.user", "group:"+s.group(), untilTime(s.at.AddDate(0, 9, 0)))
		s.Policies[enginePolicyKey(e.name())] = p
	}
}

// giveOn grants a role on any resource.
func (s *seeding) giveOn(key, role, member string, cond *expr, at time.Time) {
	p := s.policyOf(key)
	if g, ok := s.ground(key); ok && !slices.Contains(p.roles(member), role) {
		p.grant(role, member, cond)
		s.policyDeed(s.opt, at, g, nil, delta{"ADD", role, member, cond})
	}
}
