package files

import (
	"cmp"
	"slices"
	"strings"
)

// An order is how a listing is sorted: by a column, up or down. Directories always come first.
type order uint8

const (
	byName order = 2 * iota
	bySize
	byTime
	orders = 6

	descending order = 1 // added to one of them
)

// columnNames are what the columns are called in a query.
var columnNames = [...]string{"name", "size", "time"}

// orderOf reads the parameters of a listing: sort=name, size or time, and order=asc or desc. Other
// values are ignored.
func orderOf(sort, direction string) order {
	o := byName
	if i := slices.Index(columnNames[:], sort); i >= 0 {
		o = order(2 * i)
	}
	if direction == "desc" {
		o |= descending
	}
	return o
}

func (o order) column() order { return o &^ descending }

// query is the reference to the same page in order o.
func (o order) query() string {
	direction := "asc"
	if o&descending != 0 {
		direction = "desc"
	}
	return "?sort=" + columnNames[o/2] + "&order=" + direction
}

// compare puts rows in order. Those that are equal in the column are in order of their names, which
// differ.
func (o order) compare(a, b *row) int {
	if a.dir != b.dir {
		if a.dir {
			return -1
		}
		return 1
	}
	c := 0
	switch o.column() {
	case bySize:
		c = cmp.Compare(a.size, b.size)
	case byTime:
		c = cmp.Compare(a.modified, b.modified)
	default:
		c = cmp.Or(compareFold(a.name, b.name), strings.Compare(a.name, b.name))
	}
	if o&descending != 0 {
		c = -c
	}
	return cmp.Or(c, strings.Compare(a.name, b.name))
}

// compareFold compares names without regard to the case of letters of ASCII.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(lower(a[i]), lower(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// sorted returns the indexes of the rows in order o. It takes a while the first time.
func (d *directory) sorted(o order) []uint32 {
	if p := d.orders[o].Load(); p != nil {
		return *p
	}
	list := make([]uint32, len(d.rows))
	for i := range list {
		list[i] = uint32(i)
	}
	slices.SortFunc(list, func(a, b uint32) int { return o.compare(&d.rows[a], &d.rows[b]) })
	d.orders[o].Store(&list)
	return list
}
