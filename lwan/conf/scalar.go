package conf

import (
	"encoding"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written as 512, 64k, 10M or 1G.
type Size int64

// String is the size as it is written, in the largest unit that fits.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"K", 1 << 10}}

// parseSize reads a size; k, M and G are powers of 1024.
func parseSize(s string) (Size, error) {
	digits, mult := strings.TrimSpace(s), int64(1)
	for _, u := range sizeUnits {
		if d, ok := strings.CutSuffix(digits, u.name); ok {
			digits, mult = strings.TrimSpace(d), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/mult {
		return 0, fmt.Errorf("%q is no size", s)
	}
	return Size(int64(n) * mult), nil
}

const day = 24 * time.Hour

var timeUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": day, "w": 7 * day, "M": 30 * day, "y": 365 * day,
}

// parseTime reads a time: numbers with units, which are added. A number without a unit is seconds.
func parseTime(s string) (time.Duration, error) {
	var total time.Duration
	rest := strings.TrimSpace(s)
	if rest == "" {
		return 0, fmt.Errorf("a time is missing")
	}
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no time", s)
		}
		rest = rest[digits:]
		letters := 0
		for letters < len(rest) && 'a' <= rest[letters]|0x20 && rest[letters]|0x20 <= 'z' {
			letters++
		}
		unit := time.Second
		if letters > 0 {
			var ok bool
			if unit, ok = timeUnits[rest[:letters]]; !ok {
				return 0, unknownUnit(s, rest[:letters])
			}
		}
		if n > 0 && int64(unit) > (math.MaxInt64-int64(total))/n {
			return 0, fmt.Errorf("%q is longer than 292 years", s)
		}
		total += time.Duration(n) * unit
		rest = strings.TrimLeft(rest[letters:], " \t\r\n")
	}
	return total, nil
}

// unknownUnit tells a letter that is no unit from a word, of which the whole is no time.
func unknownUnit(s, unit string) error {
	if len(unit) > 2 {
		return fmt.Errorf("%q is no time", s)
	}
	return fmt.Errorf("%q is no unit of time", unit)
}

// hintFor says how a value of a type is written, where that is not plain.
func hintFor(t reflect.Type) string {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a time is written as 30s, 5m, 2h, 1d, 1w, 1M (30 days), 1y, 250ms, " +
			"and these may be added: 1M 1w"
	case reflect.TypeFor[Size]():
		return "a size is written as 512, 64k, 10M or 1G: k is 1024"
	}
	return ""
}

// isText reports whether values of the type read themselves.
func isText(t reflect.Type) bool {
	return t != reflect.TypeFor[netip.Prefix]() &&
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// setText sets a value that a text stands for.
func setText(v reflect.Value, s string) error {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		return assign(p, s, parseTime)
	case *Size:
		return assign(p, s, parseSize)
	case *netip.Prefix:
		return assign(p, s, parseNetwork)
	case **regexp.Regexp:
		return assign(p, s, regexp.Compile)
	case *fs.FileMode:
		return assign(p, s, parseMode)
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(s))
	}
	return setKind(v, s)
}

func assign[T any](to *T, s string, parse func(string) (T, error)) (err error) {
	*to, err = parse(s)
	return err
}

func parseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 9)
	if err != nil {
		return 0, fmt.Errorf("%q is no file mode: write it in octal, as 0660", s)
	}
	return fs.FileMode(n), nil
}

func setKind(v reflect.Value, s string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, err := parseBool(s)
		v.SetBool(b)
		return err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s, 0, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is no number, or too large", s)
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 0, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is no number of 0 and above, or too large", s)
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("%q is no number, or too large", s)
		}
		v.SetFloat(n)
	case reflect.Slice:
		return setList(v, s)
	case reflect.Pointer:
		e := reflect.New(v.Type().Elem())
		v.Set(e)
		return setText(e.Elem(), s)
	default:
		return fmt.Errorf("a %s cannot be written in a configuration", v.Type())
	}
	return nil
}

// parseBool reads a truth value; as in Lwan any number is one.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "on", "yes":
		return true, nil
	case "false", "off", "no":
		return false, nil
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", s)
	}
	return n != 0, nil
}

// setList appends what a list holds.
func setList(v reflect.Value, s string) error {
	for _, word := range fields(s) {
		e := reflect.New(v.Type().Elem()).Elem()
		if err := setText(e, word); err != nil {
			return err
		}
		v.Set(reflect.Append(v, e))
	}
	return nil
}
