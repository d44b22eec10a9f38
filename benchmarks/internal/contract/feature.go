package contract

import (
	"net/http"
	"strings"
)

// Feature is a kind of request that a contender may be able to answer. Not every contender has every feature: a
// server without handlers cannot encode JSON, and a library without a router has no routes.
type Feature string

const (
	// Hello is GET / with a constant plain-text answer.
	Hello Feature = "hello"
	// JSON is GET /json, answered with an encoded struct.
	JSON Feature = "json"
	// Routing is GET on a table of routes, whose parameters are the answer.
	Routing Feature = "routes"
	// Post is POST /post, answered with the number of bytes in the body.
	Post Feature = "post"
)

// Features lists all features in the order in which they are documented.
func Features() []Feature { return []Feature{Hello, JSON, Routing, Post} }

// Greeting is the body of the answer to Hello and the message of the answer to JSON.
const Greeting = "Hello, world!"

// PlainText is the Content-Type of every answer that is not JSON.
const PlainText = "text/plain; charset=utf-8"

// PostBytes is the size of the body that Post sends.
const PostBytes = 1024

// Message is what JSON encodes. A fresh value is to be encoded for each request.
type Message struct {
	Message string `json:"message"`
}

// Requests returns the requests that make up a feature, which are sent in turn; nil for an unknown feature.
func Requests(f Feature) []Request {
	switch f {
	case Hello:
		return []Request{{Method: http.MethodGet, Target: "/", MediaType: "text/plain", Answer: Greeting}}
	case JSON:
		return []Request{{Method: http.MethodGet, Target: "/json", MediaType: "application/json",
			Answer: `{"message":"` + Greeting + `"}`}}
	case Post:
		return []Request{{Method: http.MethodPost, Target: "/post", Body: strings.Repeat("x", PostBytes),
			MediaType: "text/plain", Answer: "1024"}}
	case Routing:
		return routedRequests()
	}
	return nil
}
