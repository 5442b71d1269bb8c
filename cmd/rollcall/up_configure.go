package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/internal/show"
)

// configure makes the configuration, and with --demo the company that it reads.
func (u *upFlags) configure() (config.Config, *demo.Company, error) {
	switch {
	case u.timeout <= 0:
		return config.Config{}, nil, fmt.Errorf("--timeout is %v: it must be longer than nothing", u.timeout)
	case u.demo:
		return u.demonstrate()
	case u.file == "":
		return config.Config{}, nil, errors.New("say what to read: --config FILE for your tenants (docs/rollcall.example.yaml is one to start from), or --demo")
	case u.company.Seed != 0 || u.company.Agents != 0:
		return config.Config{}, nil, errors.New("--seed and --agents size the demo's company: they need --demo")
	}
	cfg, err := config.Load(u.file, all.Vendors, os.LookupEnv)
	if u.data != "" {
		cfg.Data = u.data
	}
	return cfg, nil, err
}

func (u *upFlags) demonstrate() (config.Config, *demo.Company, error) {
	cfg := config.Default()
	if u.data != "" {
		cfg.Data = u.data
	}
	if u.every <= 0 {
		return cfg, nil, fmt.Errorf("--every is %v: it must be longer than nothing", u.every)
	}
	if u.company.Agents < 0 {
		return cfg, nil, fmt.Errorf("--agents is %d: a company has at least one", u.company.Agents)
	}
	if holder, err := natsd.Find(cfg.Data); err == nil {
		return cfg, nil, joinHint(&natsd.InUseError{Dir: cfg.Data, Holder: holder})
	}
	u.company.Dir = filepath.Join(cfg.Data, "sandboxes")
	company, err := demo.Start(u.company)
	if err != nil {
		return cfg, nil, err
	}
	cfg.Tenants = []config.Tenant{{Name: "demo", Connections: company.Connections()}}
	return cfg, company, nil
}

// joinHint says how to join a hub that has the folder already.
func joinHint(err error) error {
	var used *natsd.InUseError
	if !errors.As(err, &used) || used.Holder.URL == "" {
		return err
	}
	return fmt.Errorf("%w\n  to see what it does:  rollcall tail --data %s\n  to add a standby:     rollcall up --config FILE, with nats.urls: [%q] and another data folder",
		err, used.Dir, used.Holder.URL)
}

func opening(cfg config.Config, company *demo.Company, h *hub.Hub) show.Opening {
	o := show.Opening{Title: "Rollcall calls the roll", NATS: h.URL, Durability: h.Log().Durability().String()}
	if cfg.NATS.Embedded() {
		o.Data = cfg.Data
	}
	if company != nil {
		o.Title += " of " + company.Name + ", a company made up for this demo"
	}
	for _, t := range cfg.Tenants {
		for _, c := range t.Connections {
			o.Endpoints = append(o.Endpoints, [2]string{c.Name, endpoint(c)})
			if url := h.HookURL(t.Name, c); url != "" {
				o.Hooks = append(o.Hooks, [2]string{c.Name, url})
			}
		}
	}
	return o
}

func endpoint(c config.Connection) string {
	switch {
	case c.Endpoint != "":
		return c.Endpoint
	case len(c.Services) > 0:
		return "the endpoints that the configuration gives"
	}
	return "the public endpoint of " + c.Vendor
}
