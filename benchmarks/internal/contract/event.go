package contract

import "strings"

// EventStream is the Content-Type of Stream and Publish.
const EventStream = "text/event-stream"

// EventEnd ends the data of every event and occurs nowhere else in a stream: counting it counts
// events, however a server frames them.
const EventEnd = '~'

// EventBytes is the size of an event of one line of data, with the name of the field and the empty
// line after it.
const EventBytes = 100

// EventData is the data of every event; the rest is "data: " before it and two line ends behind.
var EventData = strings.Repeat("e", EventBytes-len("data: \n\n")-1) + string(EventEnd)

// Published is the body of the answer to POST /publish.
const Published = "published"
