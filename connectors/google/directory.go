package google

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
)

// directoryLife is how old the directory may be before the projects are looked for anew.
const directoryLife = 10 * time.Minute

// directory tells how the connection spells a project. Google's answers and log entries name a project by its id or by its number,
// as they please; scopes name it as it was asked for. It is safe for concurrent use.
type directory struct {
	client *client

	mu      sync.Mutex
	at      time.Time
	spelled map[string]string // id or number → as the connection asks for it
	numbers map[string]string // as the connection asks for it → number, as far as it is known
	list    []string          // as the connection asks for them, sorted
	higher  []string          // folders/N and organizations/N that may be seen, sorted
}

// projects are the connection's projects as it spells them, no older than [directoryLife].
func (d *directory) projects(ctx context.Context) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.refresh(ctx); err != nil {
		return nil, err
	}
	return d.list, nil
}

// above are the folders and organizations that the connection's account may see, by their names; none where it may see none.
func (d *directory) above(ctx context.Context) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.refresh(ctx); err != nil {
		return nil, err
	}
	return d.higher, nil
}

// spell is how the connection spells a project, or empty when it is not one of the connection's.
func (d *directory) spell(ctx context.Context, project string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.refresh(ctx); err != nil {
		return "", err
	}
	return d.spelled[project], nil
}

// number is the number of a project that is spelled as the connection does, or that spelling where the number is not known.
func (d *directory) number(spelled string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return word(d.numbers[spelled], spelled)
}

func (d *directory) refresh(ctx context.Context) error {
	if d.spelled != nil && d.client.now().Sub(d.at) < directoryLife {
		return nil
	}
	began := d.client.now()
	all, err := d.client.allProjects(ctx)
	if err != nil {
		return err
	}
	spelled := map[string]string{}
	var list []string
	for _, p := range all.list {
		spelled[p.Project] = p.Project
		list = append(list, p.Project)
	}
	for number, id := range all.numbers {
		spelled[number] = id
	}
	if d.client.options.projects != nil {
		if err := d.lookUp(ctx, list, spelled); err != nil {
			return err
		}
	}
	numbers := map[string]string{}
	for any, as := range spelled {
		if strings.Trim(any, "0123456789") == "" {
			numbers[as] = any
		}
	}
	higher, err := d.client.above(ctx)
	if err != nil && !isRefusal(err) {
		return err
	}
	d.higher = nil
	for _, at := range higher.list {
		d.higher = append(d.higher, at.parent())
	}
	d.at, d.spelled, d.numbers, d.list = began, spelled, numbers, list
	return nil
}

// lookUp asks for the other name of each configured project. Where that may not be seen, the project is known by the one name.
func (d *directory) lookUp(ctx context.Context, list []string, spelled map[string]string) error {
	for _, p := range list {
		if len(d.spelled) > 0 && d.spelled[p] == p { // names do not change
			for other, as := range d.spelled {
				if as == p {
					spelled[other] = p
				}
			}
			continue
		}
		one, err := d.client.project(ctx, p)
		if isRefusal(err) {
			continue
		}
		if err != nil {
			return err
		}
		spelled[one.ID], spelled[one.number()] = p, p
	}
	delete(spelled, "")
	return nil
}

// project reads one project: cloudresourcemanager/v3 projects.get.
func (c *client) project(ctx context.Context, id string) (project, error) {
	a, err := c.fetch(ctx, func(ctx context.Context, s *sdk) error {
		return c.plain(ctx, s.http, http.MethodGet, c.endpoints["cloudresourcemanager"]+"/v3/projects/"+id, url.Values{}, nil)
	})
	if err != nil {
		return project{}, err
	}
	var p project
	if _, err := a.object(); err != nil {
		return p, err
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		return p, a.broken("JSON of another shape than a project's")
	}
	return p, nil
}

// number is the project's number, which its resource name holds.
func (p *project) number() string {
	if n, ok := strings.CutPrefix(p.Name, "projects/"); ok && name.MatchString(n) {
		return n
	}
	return ""
}

// accountBook remembers which uniqueId an email stands for at the moment: an email can be used again.
type accountBook struct {
	client *client
	dir    *directory
	known  memo[string]
	failed map[string]int // how often an account could not be looked up, in a row
}

// mostLookUps is how often an account is looked up in vain before it is taken for unknown: nothing else is to wait for it.
const mostLookUps = 3

// mostAccountsKnown bounds what is remembered.
const mostAccountsKnown = 10_000

// id is the uniqueId of a service account of one of the connection's projects, or empty when it cannot be told.
func (b *accountBook) id(ctx context.Context, email string) (string, error) {
	email = strings.ToLower(email)
	if !name.MatchString(email) || isServiceAgent(email) {
		return "", nil
	}
	if len(b.known.known) > mostAccountsKnown {
		b.known.forget()
	}
	id, err := b.lookUp(ctx, email)
	if err == nil || ctx.Err() != nil || connectors.AsFault(err) != nil {
		delete(b.failed, email)
		return id, err
	}
	if b.failed == nil {
		b.failed = map[string]int{}
	}
	if b.failed[email]++; b.failed[email] < mostLookUps {
		return "", err
	}
	delete(b.failed, email)
	return b.known.get(email, b.client.now, func() (string, error) { return "", nil })
}

func (b *accountBook) lookUp(ctx context.Context, email string) (string, error) {
	return b.known.get(email, b.client.now, func() (string, error) {
		at, err := b.dir.spell(ctx, homeOf(email))
		if err != nil || at == "" {
			return "", err
		}
		v, err := b.client.account(ctx, place{Project: at}, email)
		if isRefusal(err) || isStatus(err, http.StatusNotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		acc, err := parseAccount(v)
		return acc.UniqueID, err
	})
}

// homeOf is the id or number of the project that an account's email names as its home, or empty.
func homeOf(email string) string {
	user, domain, _ := strings.Cut(email, "@")
	if id, ok := strings.CutSuffix(domain, ".iam.gserviceaccount.com"); ok {
		return id
	}
	switch domain {
	case "appspot.gserviceaccount.com":
		return user
	case "developer.gserviceaccount.com":
		return strings.TrimSuffix(user, "-compute")
	}
	return ""
}
