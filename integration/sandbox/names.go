package sandbox

// vendors deals out the agents in turn. A native type that stands twice is twice as frequent.
var vendors = []struct {
	name    string
	natives []string
}{
	{"entra", []string{"agent_identity", "agent_identity", "agent_identity", "agent_identity", "agent_user"}},
	{"google", []string{"registry_agent", "registry_agent", "reasoning_engine", "service_account"}},
	{"okta", []string{"ai_agent", "ai_agent", "service_app"}},
}

var departments = []struct {
	name, group string
	titles      []string
}{
	{"Finance", "Finance Automation", []string{"Controller", "Accounts Payable Lead", "Treasury Analyst", "Head of Finance Systems", "Audit Manager"}},
	{"Customer Support", "Support Operations", []string{"Support Lead", "Escalation Manager", "Knowledge Manager", "Head of Support", "Quality Analyst"}},
	{"Sales", "Revenue Operations", []string{"Account Executive", "Sales Operations Manager", "Pricing Analyst", "Regional Director", "Deal Desk Lead"}},
	{"Engineering", "Developer Experience", []string{"Staff Engineer", "Engineering Manager", "Site Reliability Engineer", "Release Manager", "Principal Engineer"}},
	{"Human Resources", "People Systems", []string{"HR Business Partner", "Recruiter", "People Analytics Lead", "Payroll Manager", "Head of People"}},
	{"Legal", "Legal Operations", []string{"Contracts Manager", "Privacy Counsel", "Compliance Officer", "Legal Operations Lead", "General Counsel"}},
	{"Marketing", "Growth Team", []string{"Campaign Manager", "Content Lead", "Market Analyst", "Brand Manager", "Head of Growth"}},
	{"Supply Chain", "Logistics Planning", []string{"Demand Planner", "Procurement Lead", "Warehouse Manager", "Logistics Analyst", "Supplier Manager"}},
	{"Security", "Security Engineering", []string{"Security Engineer", "Identity Architect", "SOC Lead", "Risk Manager", "Head of Security"}},
}

var firstNames = []string{
	"Amara", "Anton", "Beatriz", "Bjørn", "Camille", "Chen", "Clara", "Daniel", "Deepa", "Elias", "Emeka", "Eszter",
	"Farid", "Fatima", "Gabriel", "Grace", "Hana", "Henrik", "Ines", "Isaac", "Ivana", "Jamal", "Joana", "Jonas",
	"Kenji", "Kirsten", "Laila", "Leo", "Lucía", "Łukasz", "Maeve", "Marco", "Mei", "Mohammed", "Nadia", "Noah",
	"Olga", "Oscar", "Priya", "Quentin", "Renée", "Rohan", "Sana", "Stefan", "Tamsin", "Tomás", "Wanjiru", "Yuki",
}

var lastNames = []string{
	"Abbott", "Adeyemi", "Almeida", "Andersen", "Bakker", "Banerjee", "Bauer", "Castillo", "Chowdhury", "Costa", "Dubois",
	"Eriksen", "Farrell", "Ferreira", "Fischer", "García", "Haddad", "Hughes", "Ito", "Jansen", "Kamau", "Kaplan",
	"Kowalski", "Kumar", "Lindqvist", "Lopes", "Marino", "Mbeki", "Moreau", "Müller", "Nakamura", "Novak", "Okafor",
	"Ortiz", "Papadakis", "Patel", "Quinn", "Rahman", "Ricci", "Saito", "Santos", "Sørensen", "Takahashi", "Tanaka",
	"Varga", "Walsh", "Weber", "Zhang",
}

// areas tell the branches of one agent apart once every job has been given away.
var areas = []string{
	"EMEA", "APAC", "LATAM", "North America", "DACH", "Nordics", "UK and Ireland", "Iberia", "Benelux", "ANZ", "India", "Japan",
	"Retail", "Wholesale", "Public Sector", "Healthcare", "Manufacturing", "Energy", "Insurance", "Banking", "Logistics",
	"Partners", "Enterprise", "Mid-market", "Small Business", "Pilot", "Night Shift", "Tier 1", "Tier 2", "Plant Lyon",
	"Plant Gdansk", "Plant Monterrey", "Berlin", "Singapore", "Chicago", "Toronto", "Dublin", "Sydney", "Nairobi", "Osaka",
}

// jobs are what the company's agents do.
var jobs = []struct{ name, department, does string }{
	{"Invoice matcher", "Finance", "Matches supplier invoices with purchase orders and goods receipts"},
	{"Expense auditor", "Finance", "Checks expense reports against the travel policy and flags outliers"},
	{"Cash forecast", "Finance", "Predicts daily cash positions from open receivables and payables"},
	{"Dunning assistant", "Finance", "Writes payment reminders and books promised payment dates"},
	{"Ledger reconciler", "Finance", "Reconciles sub-ledgers with the general ledger at month end"},
	{"Tax classifier", "Finance", "Assigns tax codes to invoice lines"},
	{"Budget explainer", "Finance", "Explains budget deviations to cost centre owners"},
	{"Support triage", "Customer Support", "Sorts new tickets by urgency, product and language"},
	{"Reply drafter", "Customer Support", "Drafts replies to tickets from the knowledge base"},
	{"Refund approver", "Customer Support", "Approves refunds below the threshold and escalates the others"},
	{"Call summarizer", "Customer Support", "Summarizes support calls and files them with the ticket"},
	{"Sentiment watch", "Customer Support", "Warns the team when a customer's tone turns"},
	{"Knowledge curator", "Customer Support", "Finds outdated articles and proposes new wording"},
	{"Warranty checker", "Customer Support", "Looks up serial numbers and tells whether a device is covered"},
	{"Lead scorer", "Sales", "Scores incoming leads and hands them to the right region"},
	{"Quote builder", "Sales", "Builds quotes from the price list and the customer's contract"},
	{"Deal desk reviewer", "Sales", "Reviews discounts that exceed the approval matrix"},
	{"CRM janitor", "Sales", "Merges duplicate accounts and completes missing fields"},
	{"Renewal planner", "Sales", "Lists renewals at risk and proposes the next step"},
	{"Meeting preparer", "Sales", "Collects account news and open topics before a meeting"},
	{"Tender reader", "Sales", "Extracts requirements and deadlines from tenders"},
	{"Code reviewer", "Engineering", "Comments on pull requests and checks them against the guidelines"},
	{"Release notes writer", "Engineering", "Writes release notes from merged changes"},
	{"Incident scribe", "Engineering", "Keeps the timeline during incidents and drafts the review"},
	{"Test generator", "Engineering", "Proposes missing unit tests for changed code"},
	{"Dependency updater", "Engineering", "Opens changes for outdated or vulnerable dependencies"},
	{"Log investigator", "Engineering", "Searches logs for the cause of an alert"},
	{"Cost optimizer", "Engineering", "Finds idle cloud resources and proposes their removal"},
	{"Runbook runner", "Engineering", "Carries out approved runbooks on staging systems"},
	{"Schema migrator", "Engineering", "Prepares database migrations and checks them on a copy"},
	{"CV screener", "Human Resources", "Compares applications with the requirements of a position"},
	{"Interview scheduler", "Human Resources", "Finds interview slots and sends invitations"},
	{"Onboarding guide", "Human Resources", "Leads new colleagues through their first weeks"},
	{"Leave balancer", "Human Resources", "Answers questions about leave and checks requests for overlaps"},
	{"Payroll checker", "Human Resources", "Compares payroll runs with contract data before release"},
	{"Training recommender", "Human Resources", "Suggests courses from skills and career goals"},
	{"Policy answerer", "Human Resources", "Answers questions about internal policies with sources"},
	{"Contract reader", "Legal", "Extracts terms, dates and obligations from contracts"},
	{"NDA drafter", "Legal", "Drafts confidentiality agreements from the approved clauses"},
	{"Privacy request handler", "Legal", "Collects data for access requests and prepares the answer"},
	{"Regulation watcher", "Legal", "Follows regulators' publications and sums up what changes"},
	{"Clause comparer", "Legal", "Compares a counterparty's draft with the company's standard"},
	{"Trademark monitor", "Legal", "Searches registers for conflicting trademarks"},
	{"Campaign analyst", "Marketing", "Explains which campaigns brought which revenue"},
	{"Newsletter writer", "Marketing", "Drafts newsletters from product news"},
	{"SEO advisor", "Marketing", "Proposes titles and descriptions for web pages"},
	{"Image tagger", "Marketing", "Describes and tags pictures in the media library"},
	{"Social listener", "Marketing", "Collects mentions of the brand and sums up their tone"},
	{"Translation desk", "Marketing", "Translates marketing copy and keeps the glossary"},
	{"Event planner", "Marketing", "Plans venues, speakers and reminders for events"},
	{"Demand forecaster", "Supply Chain", "Forecasts demand per article and site"},
	{"Stock replenisher", "Supply Chain", "Orders stock when a safety level is crossed"},
	{"Shipment tracker", "Supply Chain", "Follows shipments and tells customers about delays"},
	{"Supplier scout", "Supply Chain", "Compares suppliers by price, quality and risk"},
	{"Customs clerk", "Supply Chain", "Prepares customs declarations from shipping documents"},
	{"Route planner", "Supply Chain", "Plans delivery routes from orders and traffic"},
	{"Claims handler", "Supply Chain", "Files damage claims with carriers and follows them up"},
	{"Access reviewer", "Security", "Prepares access reviews and explains unusual rights"},
	{"Alert triage", "Security", "Groups security alerts and closes known false ones"},
	{"Phishing examiner", "Security", "Examines reported mails and removes harmful ones"},
	{"Secrets rotator", "Security", "Rotates keys that near their end of life"},
	{"Vendor risk assessor", "Security", "Reads security questionnaires and rates suppliers"},
	{"Patch coordinator", "Security", "Plans patches with system owners and checks the result"},
	{"Policy simulator", "Security", "Simulates policy changes against last month's sign-ins"},
}
