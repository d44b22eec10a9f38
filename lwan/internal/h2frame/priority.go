package h2frame

// Urgency is how soon an answer is wanted, and whether it is of use piece by piece (RFC 9218
// section 4).
type Urgency struct {
	Level       uint8 // 0 is the most urgent, 7 what can wait
	Incremental bool
}

// DefaultUrgency is that of a client that says nothing.
func DefaultUrgency() Urgency { return Urgency{Level: 3} }

// ParsePriority reads the value of a Priority field, or of a PRIORITY_UPDATE: a dictionary of RFC
// 8941, of which members that are not known, and those of a wrong type, are passed over. A value
// that is no dictionary says nothing at all.
func ParsePriority(v []byte) Urgency {
	u := DefaultUrgency()
	for len(v) > 0 {
		var member []byte
		member, v = cutMember(v)
		name, value, ok := member, []byte(nil), false
		for i, c := range member {
			if c == '=' {
				name, value, ok = member[:i], member[i+1:], true
				break
			}
			if c == ';' {
				name = member[:i]
				break
			}
		}
		value = cutParameters(value)
		switch string(name) {
		case "u":
			if len(value) == 1 && value[0] >= '0' && value[0] <= '7' {
				u.Level = value[0] - '0'
			}
		case "i":
			switch {
			case !ok || string(value) == "?1":
				u.Incremental = true
			case string(value) == "?0":
				u.Incremental = false
			}
		}
	}
	return u
}

// cutMember cuts the first member of a dictionary off, without the space around it.
func cutMember(v []byte) (member, rest []byte) {
	end, quoted := len(v), false
	for i, c := range v {
		if c == '"' {
			quoted = !quoted
		}
		if c == ',' && !quoted {
			end = i
			break
		}
	}
	member, rest = v[:end], v[min(end+1, len(v)):]
	for len(member) > 0 && (member[0] == ' ' || member[0] == '\t') {
		member = member[1:]
	}
	for len(member) > 0 && (member[len(member)-1] == ' ' || member[len(member)-1] == '\t') {
		member = member[:len(member)-1]
	}
	return member, rest
}

// cutParameters is an item without its parameters.
func cutParameters(v []byte) []byte {
	for i, c := range v {
		if c == ';' {
			return v[:i]
		}
	}
	return v
}
