package handlers

import "strings"

// acceptsGzip reports whether the fields of an Accept-Encoding prefer gzip, or do not mind it (RFC
// 9110 section 12.5.3). Without such a field it reports false: the client may not know what to do
// with the coding.
func acceptsGzip(fields []string) bool {
	const unsaid = -1
	gzip, identity, other := unsaid, 0, 0
	for _, field := range fields {
		for element := range strings.SplitSeq(field, ",") {
			coding, weight, ok := weighted(element)
			switch {
			case !ok: // malformed: as if it were not there
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				// RFC 9110 section 8.4.1.3
				gzip = max(gzip, weight)
			case strings.EqualFold(coding, "identity"):
				identity = weight
			case coding == "*":
				other = weight
			}
		}
	}
	if gzip == unsaid {
		gzip = other
	}
	return gzip > 0 && gzip >= identity
}

// weighted takes a list element with its weight, in thousandths.
func weighted(element string) (name string, weight int, ok bool) {
	name, parameter, found := strings.Cut(element, ";")
	name = strings.Trim(name, " \t")
	if !found {
		return name, 1000, name != ""
	}
	key, value, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
	if !strings.EqualFold(key, "q") {
		return name, 0, false
	}
	weight, ok = qvalue(value)
	return name, weight, ok && name != ""
}

// qvalue reads 0 to 1 with at most three decimals, in thousandths (RFC 9110 section 12.4.2).
func qvalue(s string) (thousandths int, ok bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	if (whole != "0" && whole != "1") || len(decimals) > 3 {
		return 0, false
	}
	thousandths = int(whole[0] - '0')
	for _, c := range decimals + "000"[len(decimals):] {
		if c < '0' || c > '9' {
			return 0, false
		}
		thousandths = 10*thousandths + int(c-'0')
	}
	return thousandths, thousandths <= 1000
}
