package contract

import (
	"fmt"
	"net/http"
	"strings"
)

// Route is one line of the table of routes.
type Route struct {
	Pattern string // in the syntax of net/http.ServeMux, without the method: "/api/users/{id}"
	Params  int    // 0, 1 (id) or 2 (id and part)
}

// The names of the parameters in the patterns.
const (
	ID   = "id"
	Part = "part"
)

// Colon is the pattern in the syntax of routers that write :id for a parameter.
func (r Route) Colon() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(r.Pattern)
}

// NoParams is the answer of a route without parameters. The answer of the others is the value of
// id, or id, a slash and the value of part.
const NoParams = "index"

// shapes are the five routes of each resource, like those of an API with a nested collection.
var shapes = []struct {
	suffix string
	params int
}{
	{"", 0},
	{"/{id}", 1},
	{"/{id}/history", 1},
	{"/{id}/parts", 1},
	{"/{id}/parts/{part}", 2},
}

// resources have many common prefixes, as real ones do: a router that compares only first bytes
// gains nothing.
var resources = [40]string{
	"accounts", "addresses", "agents", "alerts", "articles", "assets", "audits", "authors",
	"badges", "baskets", "bills", "boards", "books", "branches", "budgets", "buildings",
	"campaigns", "cards", "carts", "categories", "channels", "charges", "clients", "comments",
	"companies", "contacts", "contracts", "countries", "coupons", "courses", "customers", "deals",
	"deliveries", "departments", "devices", "discounts", "documents", "domains", "drafts",
	"drivers",
}

// Routes returns the table: 200 routes, all of them for GET.
func Routes() []Route {
	routes := make([]Route, 0, len(resources)*len(shapes))
	for _, name := range resources {
		for _, s := range shapes {
			routes = append(routes, Route{Pattern: "/api/v1/" + name + s.suffix, Params: s.params})
		}
	}
	return routes
}

// routedRequests asks once for every route that has parameters.
func routedRequests() []Request {
	var requests []Request
	for n, route := range Routes() {
		if route.Params == 0 {
			continue
		}
		id, part := fmt.Sprint(1000+n), fmt.Sprint(9000-n)
		answer := id
		if route.Params == 2 {
			answer += "/" + part
		}
		target := strings.NewReplacer("{id}", id, "{part}", part).Replace(route.Pattern)
		requests = append(requests, Request{
			Method: http.MethodGet, Target: target, MediaType: "text/plain", Answer: answer,
		})
	}
	return requests
}
