package google

import "slices"

// place names as Google spells them, with the city that it shows.
var cities = map[string]string{
	"global": "Global", "us": "United States (multi-region)", "eu": "European Union (multi-region)",
	"us-central1": "Iowa", "europe-west4": "Netherlands", "europe-west6": "Zurich",
}

// regions are where the organization's things are. The registry and the auth manager know more places than that.
var regions = []string{"us-central1", "europe-west4"}

// served are the locations that a service lists, in its order; nil for a service that answers for any.
func served(service string) []string {
	switch service {
	case serviceRegistry:
		return []string{"eu", "europe-west4", "global", "us", "us-central1"}
	case servicePlatform:
		return []string{"europe-west4", "us-central1"}
	case serviceIdentity:
		return []string{"europe-west4", "europe-west6", "us-central1"}
	}
	return nil
}

// locationJSON is a google.cloud.location.Location.
type locationJSON struct {
	Name        string            `json:"name"`
	LocationID  string            `json:"locationId"`
	DisplayName string            `json:"displayName,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
}

func location(p *project, id string) locationJSON {
	return locationJSON{Name: "projects/" + p.ProjectID + "/locations/" + id, LocationID: id, DisplayName: cities[id],
		Labels: map[string]string{"cloud.googleapis.com/region": id}}
}

func listLocations(c *call) (any, *apiError) {
	p, e := c.projectOf(c.route.service + ".locations.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("name", "location_id", "display_name", "labels")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[string, locationJSON]{
		pager: pager{fallback: 100, max: 1000},
		all:   served(c.route.service),
		keep:  keep,
		key:   func(id string) string { return id },
		show:  func(id string) locationJSON { return location(p, id) },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Locations     []locationJSON `json:"locations,omitempty"`
		NextPageToken string         `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

func getLocation(c *call) (any, *apiError) {
	p, e := c.placeOf(c.route.service + ".locations.get")
	if e != nil {
		return nil, e
	}
	return location(p, c.vars["location"]), nil
}

// placeOf is the project that the path names, if the service has the location that the path names.
func (c *call) placeOf(permission string) (*project, *apiError) {
	p, e := c.projectOf(permission)
	if e != nil {
		return nil, e
	}
	if l := c.vars["location"]; !slices.Contains(served(c.route.service), l) {
		return nil, noLocation(l)
	}
	return p, nil
}
