package router

// methodID numbers the methods of RFC 9110 (section 9) and PATCH (RFC 5789), in alphabetical order,
// so that a leaf finds a method's route by index.
type methodID uint8

const (
	extension  methodID = iota // any other method: compared by name
	connectID                  // CONNECT
	deleteID                   // DELETE
	getID                      // GET
	headID                     // HEAD
	optionsID                  // OPTIONS
	patchID                    // PATCH
	postID                     // POST
	putID                      // PUT
	traceID                    // TRACE
	collecting                 // no method: a walk that gathers the methods of all that matches
	methodSlots
)

var methodNames = [methodSlots]string{
	connectID: "CONNECT", deleteID: "DELETE", getID: "GET", headID: "HEAD", optionsID: "OPTIONS",
	patchID: "PATCH", postID: "POST", putID: "PUT", traceID: "TRACE",
}

// identify is case-sensitive, as methods are (RFC 9110, section 9.1).
func identify(method string) methodID {
	switch method {
	case "GET":
		return getID
	case "POST":
		return postID
	case "HEAD":
		return headID
	case "PUT":
		return putID
	case "DELETE":
		return deleteID
	case "PATCH":
		return patchID
	case "OPTIONS":
		return optionsID
	case "CONNECT":
		return connectID
	case "TRACE":
		return traceID
	}
	return extension
}
