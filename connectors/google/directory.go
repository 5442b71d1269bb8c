package google

import (
	"context"
	"net/http"
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

	mu    sync.Mutex
	known *listed       // nil: nothing was read yet
	turn  chan struct{} // holds one: whoever reads the projects anew; the others wait for that, as long as their contexts let them
}

// listed is what the directory knows as of a time. It does not change.
type listed struct {
	at      time.Time
	spelled map[string]string // id or number → as the connection asks for it
	numbers map[string]string // as the connection asks for it → number, as far as it is known
	list    []string          // as the connection asks for them, sorted
	higher  []string          // folders/N and organizations/N that may be seen, sorted
}

// projects are the connection's projects as it spells them, no older than [directoryLife].
func (d *directory) projects(ctx context.Context) ([]string, error) {
	known, err := d.look(ctx)
	return known.list, err
}

// above are the folders and organizations that the connection's account may see, by their names; none where it may see none.
func (d *directory) above(ctx context.Context) ([]string, error) {
	known, err := d.look(ctx)
	return known.higher, err
}

// spell is how the connection spells a project, or empty when it is not one of the connection's.
func (d *directory) spell(ctx context.Context, project string) (string, error) {
	known, err := d.look(ctx)
	return known.spelled[project], err
}

// number is the number of a project that is spelled as the connection does, or that spelling where the number is not known.
func (d *directory) number(spelled string) string {
	return word(d.last().numbers[spelled], spelled)
}

// last is what was read last.
func (d *directory) last() *listed {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		return &listed{}
	}
	return d.known
}

// look is what is known, read anew when it is too old. Reading may wait for the rate limit: nobody holds a lock meanwhile.
func (d *directory) look(ctx context.Context) (*listed, error) {
	fresh := func() (*listed, bool) {
		known := d.last()
		return known, known.spelled != nil && d.client.now().Sub(known.at) < directoryLife
	}
	if known, ok := fresh(); ok {
		return known, nil
	}
	turn := d.queue()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return &listed{}, ctx.Err()
	}
	if known, ok := fresh(); ok {
		return known, nil
	}
	known, err := d.read(ctx)
	if err != nil {
		return &listed{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = known
	return known, nil
}

func (d *directory) queue() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turn == nil {
		d.turn = make(chan struct{}, 1)
	}
	return d.turn
}

func (d *directory) read(ctx context.Context) (*listed, error) {
	out := &listed{at: d.client.now(), spelled: map[string]string{}, numbers: map[string]string{}}
	all, err := d.client.allProjects(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all.list {
		out.spelled[p.Project] = p.Project
		out.list = append(out.list, p.Project)
	}
	for number, id := range all.numbers {
		out.spelled[number] = id
	}
	if d.client.options.projects != nil {
		if err := d.lookUp(ctx, out.list, out.spelled); err != nil {
			return nil, err
		}
	}
	for any, as := range out.spelled {
		if strings.Trim(any, "0123456789") == "" {
			out.numbers[as] = any
		}
	}
	higher, err := d.client.above(ctx)
	if err != nil && !isRefusal(err) {
		return nil, err
	}
	for _, at := range higher.list {
		out.higher = append(out.higher, at.parent())
	}
	return out, nil
}

// lookUp asks for the other name of each configured project. Where that may not be seen, the project is known by the one name.
func (d *directory) lookUp(ctx context.Context, list []string, spelled map[string]string) error {
	before := d.last().spelled
	for _, p := range list {
		if before[p] == p { // names do not change
			for other, as := range before {
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
	a, err := c.fetch(ctx, c.get("cloudresourcemanager", "v3/projects/"+id, nil))
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
