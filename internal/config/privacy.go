package config

import "go.yaml.in/yaml/v4"

func privacyFields() []field[Privacy] {
	return []field[Privacy]{
		{name: "seal_persons", about: "seal names and addresses in the log, so that `rollcall erase` can erase them; default true; false writes them in plain, for ever",
			schema: flag(), read: func(d *decoder, n *yaml.Node, path string, to *Privacy) { to.PlainPersons = !d.flag(n, path) }},
	}
}
