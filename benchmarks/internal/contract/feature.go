package contract

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Feature is a kind of request that a contender may be able to answer. Not every contender has
// every feature: a server without handlers cannot encode JSON, and a library without a router has
// no routes.
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
	// PostLarge is the same with PostLargeBytes.
	PostLarge Feature = "post-large"
	// Browser is GET /search as a browser sends it, answered with what the handler looks up; see
	// browserRequest.
	Browser Feature = "browser"
	// FileSmall, FileMiddle and FileLarge are GET of a file of 1 KiB, 100 KiB and 10 MiB; see
	// Files.
	FileSmall  Feature = "file-1k"
	FileMiddle Feature = "file-100k"
	FileLarge  Feature = "file-10m"
	// File4K and the others are GET of files of that size; see Files.
	File4K   Feature = "file-4k"
	File16K  Feature = "file-16k"
	File64K  Feature = "file-64k"
	File128K Feature = "file-128k"
	// FileUnchanged is GET of the small file by a client that has it (RFC 9110, section 13.1.3).
	FileUnchanged Feature = "file-304"
	// FileGzip is GET of a file of 16 KiB by a client that accepts gzip, answered with that.
	FileGzip Feature = "file-gzip"
	// Template is GET /page, answered with a rendered HTML page; see Page.
	Template Feature = "page"
	// Offload is GET /blocking, Hello from a handler that is allowed to block.
	Offload Feature = "blocking"
	// Stall is GET /stall, Hello from a handler that sleeps StallTime without having said that it
	// might.
	Stall Feature = "stall"
	// Allocate is GET /allocate, answered with JSON that the handler has decoded and encoded, so
	// with much that the collector has to take away.
	Allocate Feature = "allocate"
	// Long is GET /long, LongBytes that the handler writes and flushes bit by bit, as fast as the
	// client reads.
	Long Feature = "long"
	// Stream is GET /events, an event stream of a handler that waits between its events.
	Stream Feature = "stream"
	// Wait is GET /wait, Hello from a handler that has to wait WaitTime for something.
	Wait Feature = "wait"
	// Mix is what a site gets: of 100 requests, 80 are Hello, 12 FileSmall, 3 FileMiddle and 5
	// Wait. MixStill is the same without those that wait, for servers that have no handlers.
	Mix      Feature = "mix"
	MixStill Feature = "mix-nowait"
	// Publish is GET /topic, an event stream of what POST /publish publishes.
	Publish Feature = "publish"
)

// Features lists all features in the order in which they are documented.
func Features() []Feature {
	return []Feature{Hello, JSON, Routing, Post, PostLarge, Browser, FileSmall, FileMiddle,
		FileLarge, File4K, File16K, File64K, File128K, FileUnchanged, FileGzip, Template, Offload,
		Stall, Wait, Mix, MixStill, Allocate, Long, Stream, Publish}
}

// Greeting is the body of the answer to Hello and the message of the answer to JSON.
const Greeting = "Hello, world!"

// PlainText is the Content-Type of every answer that is not JSON.
const PlainText = "text/plain; charset=utf-8"

// PostBytes is the size of the body that Post sends.
const PostBytes = 1024

// PostLargeBytes is the size of the body that PostLarge sends.
const PostLargeBytes = 1000000

// StallTime is how long the handler of Stall sleeps.
const StallTime = time.Second

// WaitTime is how long the handler of Wait waits.
const WaitTime = 5 * time.Millisecond

// LongBytes is how much Long sends; LongPiece how much of it is written at once.
const (
	LongBytes = 100 << 20
	LongPiece = 32 << 10
)

// Message is what JSON encodes. A fresh value is to be encoded for each request.
type Message struct {
	Message string `json:"message"`
}

// Requests returns the requests that make up a feature, which are sent in turn; nil for an unknown
// feature.
func Requests(f Feature) []Request {
	switch f {
	case Hello:
		return []Request{
			{Method: http.MethodGet, Target: "/", MediaType: "text/plain", Answer: Greeting},
		}
	case JSON:
		return []Request{{Method: http.MethodGet, Target: "/json", MediaType: "application/json",
			Answer: `{"message":"` + Greeting + `"}`}}
	case Post:
		return []Request{{Method: http.MethodPost, Target: "/post",
			Body: strings.Repeat("x", PostBytes), MediaType: "text/plain", Answer: "1024"}}
	case Routing:
		return routedRequests()
	case PostLarge:
		return []Request{{Method: http.MethodPost, Target: "/post",
			Body: strings.Repeat("x", PostLargeBytes), MediaType: "text/plain",
			Answer: strconv.Itoa(PostLargeBytes)}}
	case Browser:
		return []Request{browserRequest()}
	case FileSmall, FileMiddle, FileLarge, FileUnchanged, FileGzip, File4K, File16K, File64K,
		File128K:
		return []Request{fileRequest(f)}
	case Template:
		return []Request{
			{
				Method: http.MethodGet, Target: "/page", MediaType: "text/html",
				Answer: renderedPage(),
			},
		}
	case Offload:
		return []Request{
			{
				Method: http.MethodGet, Target: "/blocking",
				MediaType: "text/plain", Answer: Greeting,
			},
		}
	case Stall:
		return []Request{
			{Method: http.MethodGet, Target: "/stall", MediaType: "text/plain", Answer: Greeting},
		}
	case Wait:
		return []Request{
			{Method: http.MethodGet, Target: "/wait", MediaType: "text/plain", Answer: Greeting},
		}
	case Mix:
		return mixed(share{Hello, 80}, share{FileSmall, 12}, share{FileMiddle, 3}, share{Wait, 5})
	case MixStill:
		return mixed(share{Hello, 80}, share{FileSmall, 12}, share{FileMiddle, 3})
	case Allocate:
		return []Request{
			{
				Method: http.MethodGet, Target: "/allocate",
				MediaType: "application/json", Answer: StockJSON(),
			},
		}
	case Long:
		return []Request{
			{
				Method: http.MethodGet, Target: "/long",
				MediaType: "application/octet-stream", Endless: true,
			},
		}
	case Stream:
		return []Request{
			{Method: http.MethodGet, Target: "/events", MediaType: EventStream, Endless: true},
		}
	case Publish:
		return []Request{{
			Method: http.MethodGet, Target: "/topic", MediaType: EventStream, Endless: true,
		},
			{
				Method: http.MethodPost, Target: "/publish",
				MediaType: "text/plain", Answer: Published,
			}}
	}
	return nil
}
