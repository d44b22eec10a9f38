package lwan

import (
	"iter"
	"maps"
	"mime/multipart"
	"slices"
	"strings"
)

// QueryPairs walks over all query parameters, decoded and in order; Query says what is ignored. A
// name may come several times.
func (r *Request) QueryPairs() iter.Seq2[string, string] {
	r.mustLive()
	return func(yield func(name, value string) bool) {
		walkPairs(func() *pairs { r.mustLive(); return r.queryPairs() }, yield)
	}
}

// Cookies walks over all cookies in the order in which they came; Cookie says what is ignored. A
// name may come several times: with another path, or from another domain.
func (r *Request) Cookies() iter.Seq2[string, string] {
	r.mustLive()
	return func(yield func(name, value string) bool) {
		walkPairs(func() *pairs { r.mustLive(); return r.cookiePairs() }, yield)
	}
}

// walkPairs gives out copies of all pairs. They are asked for anew each time: the request's buffer
// may move while the caller waits.
func walkPairs(of func() *pairs, yield func(name, value string) bool) {
	for i := 0; ; i++ {
		list := of().list
		if i >= len(list) {
			return
		}
		if !yield(strings.Clone(list[i].name), strings.Clone(list[i].value)) {
			return
		}
	}
}

// Pairs walks over all values with their names: in order if the form is urlencoded, by name and
// then in order if it is a multipart one. Files are no values.
func (f *Form) Pairs() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		if f.parts == nil {
			walkPairs(func() *pairs { return &f.encoded }, yield)
			return
		}
		walkParts(f.parts.Value, yield)
	}
}

// Files is all files of that name, in order; nil if there is none. See File.
func (f *Form) Files(name string) []*multipart.FileHeader {
	if f.parts == nil {
		return nil
	}
	return slices.Clone(f.parts.File[name])
}

// AllFiles walks over all files with the names of their fields, by name and then in order.
func (f *Form) AllFiles() iter.Seq2[string, *multipart.FileHeader] {
	return func(yield func(name string, file *multipart.FileHeader) bool) {
		if f.parts != nil {
			walkParts(f.parts.File, yield)
		}
	}
}

func walkParts[T any](parts map[string][]T, yield func(name string, part T) bool) {
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		for _, part := range parts[name] {
			if !yield(name, part) {
				return
			}
		}
	}
}
