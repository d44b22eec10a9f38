package load

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseWrk reads the summary line that WrkScript makes wrk print. Every field must be there, once.
func ParseWrk(output []byte) (Result, error) {
	line, err := summaryLine(output)
	if err != nil {
		return Result{}, err
	}
	var r Result
	var micros int64
	latency := [5]int64{}
	fields := map[string]*int64{
		"requests": &r.Requests, "micros": &micros, "bytes": &r.Bytes,
		"connect": &r.Errors.Connect, "read": &r.Errors.Read, "write": &r.Errors.Write,
		"status": &r.Errors.Status, "timeout": &r.Errors.Timeout,
		"p50": &latency[0], "p90": &latency[1], "p99": &latency[2],
		"p999": &latency[3], "max": &latency[4],
	}
	for word := range strings.FieldsSeq(line) {
		name, value, _ := strings.Cut(word, "=")
		field, found := fields[name]
		if !found {
			return Result{}, fmt.Errorf("summary: unknown or repeated field %q", word)
		}
		if *field, err = strconv.ParseInt(value, 10, 48); err != nil || *field < 0 {
			return Result{}, fmt.Errorf("summary: %q is no count", word)
		}
		delete(fields, name)
	}
	if len(fields) > 0 {
		return Result{}, fmt.Errorf("summary: %d fields are missing in %q", len(fields), line)
	}
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	r.Took = us(micros)
	r.Latency = Latency{
		P50: us(latency[0]), P90: us(latency[1]), P99: us(latency[2]),
		P999: us(latency[3]), Max: us(latency[4]),
	}
	return r, nil
}

// summaryLine is the rest of the last line that begins with "summary ".
func summaryLine(output []byte) (string, error) {
	mark := []byte("\nsummary ")
	at := bytes.LastIndex(output, mark)
	if at < 0 {
		return "", fmt.Errorf("no summary in the output: %.200q", output)
	}
	line, _, _ := bytes.Cut(output[at+len(mark):], []byte("\n"))
	return string(line), nil
}
