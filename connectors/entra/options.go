package entra

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
)

// The options of a connection.
const (
	optionPage       = "page_size"
	optionActivities = "activities"
	optionPerMinute  = "activities_per_minute"
	optionNotify     = "notification_url"
)

var optionNames = []string{optionActivities, optionPerMinute, optionNotify, optionPage}

// Which activities are published.
const (
	activitiesNone  = "none"  // the audit log only tells what to read again
	activitiesAdmin = "admin" // what administrators, persons or agents, did
	activitiesAll   = "all"   // and sign-ins, one for each
)

// settings are the connection's options, read.
type settings struct {
	page       int // 0: each list's maximum
	activities string
	perMinute  int               // activities of one minute and feed
	state      connectors.Secret // what Graph proves a notification with
	notify     string            // where Graph sends change notifications; empty: no subscription is made
}

// readOptions reads Settings.Options.
func readOptions(s connectors.Settings) (settings, error) {
	o := settings{activities: activitiesAdmin, perMinute: 600, state: s.Hook.Secret}
	for _, name := range slices.Sorted(maps.Keys(s.Options)) {
		if !slices.Contains(optionNames, name) {
			return o, fmt.Errorf("entra: options.%s is unknown: the options are %s", name, strings.Join(optionNames, ", "))
		}
		if value := s.Options[name]; value != "" {
			if err := o.set(name, value); err != nil {
				return o, err
			}
		}
	}
	if o.notify != "" && s.Hook.Secret == "" {
		return o, errMissing("hook.secret", "without it no notification sent to options."+optionNotify+" could be believed")
	}
	if o.notify != "" && len(s.Hook.Secret) > maxState {
		return o, fmt.Errorf("entra: hook.secret is longer than the %d characters that Graph takes of it", maxState)
	}
	return o, nil
}

// maxState bounds what Graph proves a notification with, in characters.
const maxState = 128

func (o *settings) set(name, value string) (err error) {
	switch name {
	case optionActivities:
		if o.activities = value; value != activitiesNone && value != activitiesAdmin && value != activitiesAll {
			return fmt.Errorf("entra: options.%s is %q: use none, admin or all", name, value)
		}
	case optionPerMinute:
		o.perMinute, err = number(name, value, 100_000)
	case optionPage:
		o.page, err = number(name, value, maxPage)
	case optionNotify:
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return fmt.Errorf("entra: options.%s is %q: use the public https address of this connection's hook", name, value)
		}
		o.notify = value
	}
	return err
}

func number(name, value string, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("entra: options.%s is %q: use a whole number from 1 to %d", name, value, most)
	}
	return n, nil
}
