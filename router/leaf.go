package router

import (
	"slices"
	"strings"
)

// routeID is a route's place in registration order, counted from 1; 0 is none.
type routeID uint32

// leaf holds the routes of one path, which differ in method only. A leaf without routes accepts
// nothing.
type leaf struct {
	// the route that answers each method; none for extension and collecting
	byMethod   [methodSlots]routeID
	anyMethod  routeID          // the route without a method
	extensions []extensionRoute // methods without a number
	first      routeID          // the route registered first: it speaks for the path
	set        methodSet        // what the routes name
}

type extensionRoute struct {
	method string
	id     routeID
}

// add puts the route where its method is looked up; settle must follow the last one.
func (l *leaf) add(method string, id routeID) {
	if l.first == 0 {
		l.first = id
	}
	l.set.add(method)
	switch m := identify(method); {
	case method == "":
		l.anyMethod = id
	case m != extension:
		l.byMethod[m] = id
	default:
		l.extensions = append(l.extensions, extensionRoute{method, id})
	}
}

// settle lets the more general routes answer what no more specific one does: GET answers HEAD, and
// a route without a method answers everything.
func (l *leaf) settle() {
	if l.byMethod[headID] == 0 {
		l.byMethod[headID] = l.byMethod[getID]
	}
	for m := extension + 1; m < collecting; m++ {
		if l.byMethod[m] == 0 {
			l.byMethod[m] = l.anyMethod
		}
	}
}

// firstNamed is the route with a method that was registered first.
func (l *leaf) firstNamed() (first routeID) {
	for _, id := range l.byMethod {
		if id != 0 && id != l.anyMethod && (first == 0 || id < first) {
			first = id
		}
	}
	for _, e := range l.extensions {
		if first == 0 || e.id < first {
			first = e.id
		}
	}
	return first
}

// named is the route for an extension method.
func (l *leaf) named(method string) routeID {
	for _, e := range l.extensions {
		if e.method == method {
			return e.id
		}
	}
	return l.anyMethod
}

// methodSet is a set of methods. The zero value is empty.
type methodSet struct {
	known      uint16 // bit m: the method with number m; bit 0: a route without a method
	extensions []string
}

func (s *methodSet) add(method string) {
	switch m := identify(method); {
	case m == getID:
		s.known |= 1<<getID | 1<<headID // GET answers HEAD (RFC 9110, section 9.3.2)
	case m != extension || method == "":
		s.known |= 1 << m
	default:
		s.extensions = append(s.extensions, method)
	}
}

func (s *methodSet) merge(t *methodSet) {
	s.known |= t.known
	s.extensions = append(s.extensions, t.extensions...)
}

// any reports whether a route without a method is among those added.
func (s *methodSet) any() bool { return s.known&1 != 0 }

// String is the value of an Allow field: sorted, each method once (RFC 9110, section 10.2.1).
func (s *methodSet) String() string {
	var all [methodSlots]string // enough unless there are extensions
	names := all[:0]
	for m := extension + 1; m < collecting; m++ {
		if s.known&(1<<m) != 0 {
			names = append(names, methodNames[m])
		}
	}
	names = append(names, s.extensions...)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
