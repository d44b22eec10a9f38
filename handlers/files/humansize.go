package files

import "strconv"

// humanSize writes a number of bytes with two digits at least and a unit: 999 B, 1.5 KiB, 12 MiB.
func humanSize(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		value /= 1024
		switch {
		case value < 9.95:
			return strconv.FormatFloat(value, 'f', 1, 64) + " " + unit
		case value < 999.5:
			return strconv.FormatFloat(value, 'f', 0, 64) + " " + unit
		}
	}
	return strconv.FormatFloat(value/1024, 'f', 1, 64) + " EiB"
}
