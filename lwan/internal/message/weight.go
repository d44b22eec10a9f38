package message

// ParseWeight reads a qvalue in thousandths: 0 to 1 with at most three decimals (RFC 9110 section
// 12.4.2).
func ParseWeight(b []byte) (weight int, ok bool) {
	if len(b) == 0 || len(b) > 5 || len(b) > 1 && b[1] != '.' || b[0] != '0' && b[0] != '1' {
		return 0, false
	}
	weight = int(b[0]-'0') * 1000
	unit := 100
	for _, c := range b[min(2, len(b)):] {
		if c < '0' || c > '9' {
			return 0, false
		}
		weight += int(c-'0') * unit
		unit /= 10
	}
	return weight, weight <= 1000
}
