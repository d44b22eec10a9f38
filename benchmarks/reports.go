package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/golwan/golwan/benchmarks/internal/report"
)

// page is where results are published, in the folder that the command is run in.
const page = "README.md"

// agree does "agree report report".
func agree(args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New(
			"usage: go run . agree report report (report.json, or the folder that has it)")
	}
	first, err := report.Load(args[0])
	if err != nil {
		return err
	}
	second, err := report.Load(args[1])
	if err != nil {
		return err
	}
	return report.WriteAgreement(out, report.Compare(first, second))
}

// show does "show [-update] report".
func show(args []string, out, log io.Writer) error {
	f := flag.NewFlagSet("show", flag.ContinueOnError)
	f.SetOutput(log)
	update := f.Bool("update", false, "put the results into "+page)
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return errors.New(
			"usage: go run . show [-update] report (report.json, or the folder that has it)")
	}
	r, err := report.Load(f.Arg(0))
	if err != nil {
		return err
	}
	if *update {
		return publish(r)
	}
	_, err = fmt.Fprint(out, r.Markdown())
	return err
}

// publishable reports whether the page has a place for results of a kind.
func publishable(kind string) error {
	text, err := os.ReadFile(page)
	if err == nil {
		_, _, err = report.Place(text, kind)
	}
	return err
}

// publish puts a report into the page.
func publish(r report.Report) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	if text, err = r.Publish(text); err != nil {
		return err
	}
	return os.WriteFile(page, text, 0o644)
}
