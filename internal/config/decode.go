package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v4"

	"github.com/rollcallhq/rollcall/connectors"
)

type decoder struct {
	file     string
	vendors  []connectors.Vendor
	env      func(string) (string, bool)
	problems []Problem
}

func (d *decoder) fail(line int, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// parse reads the file as YAML; what is no YAML is one problem.
func (d *decoder) parse(content []byte) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		line := 0
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1]) // the expression matches digits only
		}
		d.fail(line, "", "this is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if len(doc.Content) == 0 {
		d.fail(0, "", "the file is empty: see docs/rollcall.example.yaml for one to start from")
		return nil
	}
	return doc.Content[0]
}

// field is one setting of a section: its name, what it means, how it is written and how it is read.
type field[T any] struct {
	name     string
	about    string
	schema   *jsonschema.Schema
	required bool
	read     func(d *decoder, n *yaml.Node, path string, to *T)
}

// section reads a mapping whose keys are those of fields.
func section[T any](d *decoder, n *yaml.Node, path string, fields []field[T], to *T) {
	seen := map[string]bool{}
	d.mapping(n, path, func(key, value *yaml.Node, at string) {
		seen[key.Value] = true
		for _, f := range fields {
			if f.name == key.Value {
				f.read(d, value, at, to)
				return
			}
		}
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = f.name
		}
		d.fail(key.Line, at, "this setting is not known: use one of %s", strings.Join(names, ", "))
	})
	for _, f := range fields {
		if f.required && !seen[f.name] && n.Kind == yaml.MappingNode {
			d.fail(n.Line, join(path, f.name), "this setting is missing: %s", f.about)
		}
	}
}

// mapping visits the entries of a mapping in their order and reports what is no mapping and what is there twice.
func (d *decoder) mapping(n *yaml.Node, path string, visit func(key, value *yaml.Node, path string)) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, path, "this must be a mapping of names to values, not %s", kindOf(n))
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		if first := lines[key.Value]; first > 0 {
			d.fail(key.Line, join(path, key.Value), "this is set twice, first on line %d: remove one", first)
			continue
		}
		lines[key.Value] = key.Line
		visit(key, value, join(path, key.Value))
	}
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "nothing"
		}
		return "a single value"
	}
	return "this"
}

// text reads a single value, with references resolved. Problems quote the value as it stands in the file, never what it refers to.
func (d *decoder) text(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.fail(n.Line, path, "this must be a single value, not %s", kindOf(n))
		return "", false
	}
	return d.expand(n.Value, n.Line, path)
}

var reference = regexp.MustCompile(`\$\{(env|file):([^}]*)\}`)

// expand puts in what ${env:X} and ${file:path} refer to. A file's last newline does not belong to its value, and a relative
// path starts at the configuration's folder.
func (d *decoder) expand(value string, line int, path string) (string, bool) {
	ok := true
	out := reference.ReplaceAllStringFunc(value, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		got, err := d.look(m[1], m[2])
		if err != nil {
			d.fail(line, path, "%v", err)
			ok = false
		}
		return got
	})
	return out, ok
}

func (d *decoder) look(kind, name string) (string, error) {
	if kind == "env" {
		v, ok := d.env(name)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		if v == "" {
			return "", fmt.Errorf("the environment variable %s is empty", name)
		}
		return v, nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(d.file), name)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("the file that it refers to cannot be read: %w", err)
	}
	v := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if v == "" {
		return "", fmt.Errorf("the file %s is empty", name)
	}
	return v, nil
}

// secret reads a value that must be one reference and nothing else, so that it never stands in the file.
func (d *decoder) secret(n *yaml.Node, path string) connectors.Secret {
	if n.Kind == yaml.ScalarNode && !wholeReference.MatchString(n.Value) {
		d.fail(n.Line, path, "a secret may not stand in the file: write ${env:NAME} or ${file:path}")
		return ""
	}
	s, _ := d.text(n, path)
	return connectors.Secret(s)
}

var wholeReference = regexp.MustCompile(`^\$\{(env|file):[^}]+\}$`)

// texts reads a list of single values; one value stands for a list of one.
func (d *decoder) texts(n *yaml.Node, path string) []string {
	if n.Kind == yaml.ScalarNode {
		n = &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line, Content: []*yaml.Node{n}}
	}
	if n.Kind != yaml.SequenceNode {
		d.fail(n.Line, path, "this must be a list, not %s", kindOf(n))
		return nil
	}
	var out []string
	for i, item := range n.Content {
		if s, ok := d.text(resolve(item), fmt.Sprintf("%s[%d]", path, i)); ok {
			out = append(out, s)
		}
	}
	return out
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// named reads a mapping of names that the user chooses, ordered by name.
func named[T any](d *decoder, n *yaml.Node, path string, read func(d *decoder, key, n *yaml.Node, path string) T, name func(T) string) []T {
	var out []T
	d.mapping(n, path, func(key, value *yaml.Node, at string) {
		if !nameForm.MatchString(key.Value) {
			d.fail(key.Line, at, "a name has up to 63 lower-case letters, digits and hyphens, and does not begin with a hyphen")
		}
		out = append(out, read(d, key, value, at))
	})
	sort.Slice(out, func(i, j int) bool { return name(out[i]) < name(out[j]) })
	return out
}
