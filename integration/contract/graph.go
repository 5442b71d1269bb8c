package contract

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// graphFile holds the types of Microsoft Graph v1.0 that have to do with agents, cut out of the published metadata.
const graphFile = "entra-types.json"

// Namespace begins the names of Graph's types.
const Namespace = "microsoft.graph."

// Graph is Microsoft Graph as its metadata describes it: no operations but types, by which both can be held to it. It is safe for
// concurrent use.
type Graph struct {
	types map[string]graphType
	enums map[string][]string

	mu   sync.Mutex
	held map[string]int // operation → answers held to it
	seen map[string]int // type → objects held to it
}

type graphType struct {
	Base       *string
	Open       bool
	Properties map[string]struct {
		Type     string
		Nullable bool
	}
	Navigation map[string]string
}

// Entra loads Graph's types from [Folder].
func Entra(t testing.TB) *Graph {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Folder(t), graphFile))
	if err != nil {
		t.Fatalf("the contract of Entra cannot be read: %v; set %s to the folder that holds %s, or to skip", err, Variable, graphFile)
	}
	g, err := LoadGraph(b)
	if err != nil {
		t.Fatalf("%s: %v", graphFile, err)
	}
	return g
}

// LoadGraph reads types.
func LoadGraph(b []byte) (*Graph, error) {
	g := &Graph{held: map[string]int{}, seen: map[string]int{}}
	var file struct {
		Types map[string]graphType
		Enums map[string][]string
	}
	err := json.Unmarshal(b, &file)
	g.types, g.enums = file.Types, file.Enums
	return g, err
}

// late are properties that Microsoft's pages document and the metadata does not have on the type.
var late = []string{"servicePrincipal.createdDateTime", "agentIdentityBlueprintPrincipal.createdDateTime",
	"agentIdentityBlueprintPrincipal.publishedPermissionScopes", "agentIdentityBlueprintPrincipal.publisherName"}

var guidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

var primitives = map[string]func(any) bool{
	"Edm.String":  func(v any) bool { _, ok := v.(string); return ok },
	"Edm.Boolean": func(v any) bool { _, ok := v.(bool); return ok },
	"Edm.Int32":   func(v any) bool { n, ok := v.(float64); return ok && n == float64(int32(n)) },
	"Edm.Guid":    func(v any) bool { s, ok := v.(string); return ok && guidForm.MatchString(s) },
	"Edm.Binary": func(v any) bool {
		s, ok := v.(string)
		return ok && regexp.MustCompile(`^[A-Za-z0-9+/_=-]*$`).MatchString(s)
	},
	"Edm.DateTimeOffset": func(v any) bool {
		s, _ := v.(string)
		_, err := time.Parse(time.RFC3339Nano, s)
		return err == nil && strings.HasSuffix(s, "Z")
	},
}

// Value holds a value to a type by its full name, which may be a collection, and returns what is wrong with it.
func (g *Graph) Value(where, typ string, v any) (found []string) {
	if inner, ok := strings.CutPrefix(typ, "Collection("); ok {
		list, ok := v.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %s is no list", where, brief(v))}
		}
		for _, e := range list {
			found = append(found, g.Value(where+"[]", strings.TrimSuffix(inner, ")"), e)...)
		}
		return found
	}
	if fits := primitives[typ]; fits != nil {
		if !fits(v) {
			found = []string{fmt.Sprintf("%s: %s is no %s", where, brief(v), typ)}
		}
		return found
	}
	if members, ok := g.enums[typ]; ok {
		if s, _ := v.(string); !slices.Contains(members, s) {
			found = []string{fmt.Sprintf("%s: %s is not one of %v", where, brief(v), members)}
		}
		return found
	}
	m, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: %s is no object of %s", where, brief(v), typ)}
	}
	return g.Object(where, typ, m)
}

// Object holds each property of an object to the type that the object says it has, which must derive from typ.
func (g *Graph) Object(where, typ string, m map[string]any) (found []string) {
	if own, ok := m["@odata.type"].(string); ok {
		own = strings.TrimPrefix(own, "#")
		if !g.derives(own, typ) {
			found = append(found, fmt.Sprintf("%s: %s is not a %s", where, own, typ))
		}
		typ = own
	}
	if _, ok := g.types[typ]; !ok {
		return append(found, fmt.Sprintf("%s: the contract has no type %s", where, typ))
	}
	g.count(g.seen, typ)
	for name, v := range m {
		if !strings.Contains(name, "@") {
			found = append(found, g.member(where, typ, name, v)...)
		}
	}
	return found
}

func (g *Graph) member(where, typ, name string, v any) []string {
	if nav, ok := g.Navigation(typ, name); ok {
		return g.Value(where+"."+name, nav, v)
	}
	p, nullable, ok := g.Property(typ, name)
	switch {
	case !ok && g.types[typ].Open && len(g.types[typ].Properties) == 0: // resourceData may hold anything
	case !ok && !slices.Contains(late, strings.TrimPrefix(typ, Namespace)+"."+name):
		return []string{fmt.Sprintf("%s: %s has no property %s", where, typ, name)}
	case ok && v == nil && !nullable:
		return []string{fmt.Sprintf("%s.%s is null, which %s does not allow", where, name, typ)}
	case ok && v != nil:
		return g.Value(where+"."+name, p, v)
	}
	return nil
}

// above are a type and those that it derives from.
func (g *Graph) above(typ string) (out []string) {
	for typ != "" {
		out = append(out, typ)
		base := g.types[typ].Base
		if base == nil {
			break
		}
		typ = *base
	}
	return out
}

// Property finds a property of a type by its full name, its own or an inherited one.
func (g *Graph) Property(typ, name string) (of string, nullable, ok bool) {
	for _, t := range g.above(typ) {
		if p, ok := g.types[t].Properties[name]; ok {
			return p.Type, p.Nullable, true
		}
	}
	return "", false, false
}

// Navigation finds a relation of a type.
func (g *Graph) Navigation(typ, name string) (to string, ok bool) {
	for _, t := range g.above(typ) {
		if to, ok := g.types[t].Navigation[name]; ok {
			return to, true
		}
	}
	return "", false
}

func (g *Graph) derives(typ, base string) bool {
	_, ok := g.types[typ]
	return ok && slices.Contains(g.above(typ), base)
}

// Seen is how many objects of a type were held to it.
func (g *Graph) Seen(typ string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen[typ]
}

func (g *Graph) count(in map[string]int, name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in[name]++
}

func brief(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b[:min(len(b), 200)])
}
