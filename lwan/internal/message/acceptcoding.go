package message

// Proactive negotiation of the content coding (RFC 9110 section 12.5.3).

// identity is the coding that changes nothing.
const identity = "identity"

// AcceptsCoding chooses one of offers, content codings in lower case, by the value of
// Accept-Encoding: that of the highest weight, among equals the first of offers. "" means that none
// of them is acceptable. A coding that is named several times has the highest of its weights; one
// that is not named has that of "*". Without either identity is acceptable, but liked least. nil,
// as there is no such field, accepts everything, of which identity is the safest.
//
// An element that is no coding with a weight is left out: a client that cannot spell it has not
// asked for it.
func AcceptsCoding(header []byte, offers ...string) (chosen string) {
	highest := 0
	for _, offer := range offers {
		weight := 0
		switch {
		case header != nil:
			weight = codingWeight(header, offer)
		case offer == identity:
			weight = 2
		default:
			weight = 1
		}
		if weight > highest {
			chosen, highest = offer, weight
		}
	}
	return chosen
}

// codingWeight is the weight of a coding, in thousandths; 0: not acceptable.
func codingWeight(header []byte, coding string) int {
	const unsaid = -1
	named, others := unsaid, unsaid
	for len(header) > 0 {
		var element []byte
		element, header = CutElement(header)
		name, weight, ok := weighted(element)
		switch {
		case !ok:
		case EqualFold(name, coding) || coding == "gzip" && EqualFold(name, "x-gzip"):
			// section 8.4.1.3
			named = max(named, weight)
		case string(name) == "*":
			others = max(others, weight)
		}
	}
	switch {
	case named != unsaid:
		return named
	case others != unsaid:
		return others
	case coding == identity:
		return 1
	}
	return 0
}

// weighted reads a coding with its weight: codings [ OWS ";" OWS "q=" qvalue ].
func weighted(element []byte) (name []byte, weight int, ok bool) {
	name, parameter, found := cutByte(element, ';')
	if name = trimOWS(name); !isName(name) {
		return nil, 0, false
	}
	if !found {
		return name, 1000, true
	}
	key, value, _ := cutByte(trimOWS(parameter), '=')
	if !EqualFold(key, "q") {
		return nil, 0, false
	}
	weight, ok = ParseWeight(value)
	return name, weight, ok
}
