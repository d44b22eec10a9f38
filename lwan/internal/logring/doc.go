// Package logring is between code that must not wait and a log that may be slow, or never end: a
// full pipe, a disk, a handler of the program's.
//
// A Ring takes records and hands them to their slog.Handler on a goroutine of its own. It holds at
// most Size of them; what comes beyond is lost, counted, and said as soon as the log goes on.
// Values that could change until then are fixed when the record is taken: the text of an error, and
// what a slog.LogValuer stands for.
//
// Repeats keeps what may happen at any time, because a stranger is the cause, from filling the log:
// the first time is logged, the others are counted.
package logring
