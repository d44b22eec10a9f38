package template

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// English has formats for pages in English, a new map that may be changed:
//
//	date    2 January 2006 of a time.Time, or in the layout behind it
//	time    15:04 of a time.Time, or in the layout behind it
//	number  1,234.5; the number behind it is how many digits follow the point
//	bytes   1.5 MB of a number of bytes
//	plural  1 entry, 2 entries, by both forms behind it
//
// The zero time prints nothing.
func English() map[string]any {
	number := NumberFormat(",", ".")
	return map[string]any{
		"date":   TimeFormat("2 January 2006"),
		"time":   TimeFormat("15:04"),
		"number": number,
		"bytes":  bytesFormat,
		"plural": func(v any, forms string) (string, error) {
			one, many, ok := strings.Cut(forms, " ")
			if !ok {
				return "", fmt.Errorf("plural has two forms behind it, as \"entry entries\"")
			}
			n, err := number(v, "")
			if err != nil {
				return "", err
			}
			if n == "1" || n == "-1" {
				return n + " " + one, nil
			}
			return n + " " + strings.TrimSpace(many), nil
		},
	}
}

// TimeFormat is a format of a time.Time in the layout of a tag, or in this one.
func TimeFormat(layout string) func(t time.Time, own string) string {
	return func(t time.Time, own string) string {
		switch {
		case t.IsZero():
			return ""
		case own != "":
			return t.Format(own)
		}
		return t.Format(layout)
	}
}

// NumberFormat is a format of numbers with that text between groups of three
// digits, and that before the fraction: NumberFormat(".", ",") is that of German.
// A tag says how many digits the fraction has; without, there are as many as are
// needed.
func NumberFormat(group, point string) func(v any, digits string) (string, error) {
	return func(v any, digits string) (string, error) {
		precision := -1
		if digits != "" {
			n, err := strconv.ParseUint(digits, 10, 6)
			if err != nil {
				return "", fmt.Errorf("%q is no number of digits", digits)
			}
			precision = int(n)
		}
		text, err := decimal(reflect.ValueOf(v), precision)
		if err != nil {
			return "", err
		}
		return grouped(text, group, point), nil
	}
}

// decimal is a number as strconv writes it.
func decimal(v reflect.Value, precision int) (string, error) {
	switch k := v.Kind(); {
	case k >= reflect.Int && k <= reflect.Int64 && precision <= 0:
		return strconv.FormatInt(v.Int(), 10), nil
	case k >= reflect.Int && k <= reflect.Int64:
		return strconv.FormatInt(v.Int(), 10) + "." + strings.Repeat("0", precision), nil
	case k >= reflect.Uint && k <= reflect.Uintptr && precision <= 0:
		return strconv.FormatUint(v.Uint(), 10), nil
	case k >= reflect.Uint && k <= reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10) + "." + strings.Repeat("0", precision), nil
	case k == reflect.Float32 || k == reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', precision, v.Type().Bits()), nil
	}
	return "", errNoNumber
}

// grouped puts group between thousands. Infinities and what is no number have none.
func grouped(text, group, point string) string {
	whole, fraction, has := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if whole == "NaN" || strings.HasSuffix(whole, "Inf") {
		return text
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, digit := range []byte(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(group)
		}
		b.WriteByte(digit)
	}
	if has {
		b.WriteString(point + fraction)
	}
	return b.String()
}

// bytesFormat prints a number of bytes with a decimal unit.
func bytesFormat(v any) (string, error) {
	text, err := decimal(reflect.ValueOf(v), 0)
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		return "", errNoNumber
	}
	unit := 0
	for ; math.Abs(n) >= 999.5 && unit < len(byteUnits)-1; unit++ {
		n /= 1000
	}
	if unit == 0 || math.Abs(n) >= 9.95 {
		return strconv.FormatFloat(n, 'f', 0, 64) + " " + byteUnits[unit], nil
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + " " + byteUnits[unit], nil
}

var byteUnits = []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
