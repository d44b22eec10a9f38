package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Save writes all files of the report to the folder dir, which is made if it is not there.
func (r Report) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	files := map[string][]byte{"report.md": []byte(r.Markdown()), "report.json": append(data, '\n')}
	for name, write := range map[string]func(io.Writer) error{
		"results.csv":     r.WriteCSV,
		"environment.csv": r.WriteEnvironment, "commands.csv": r.WriteCommands,
	} {
		var table bytes.Buffer
		if err := write(&table); err != nil {
			return err
		}
		files[name] = table.Bytes()
	}
	for name, svg := range r.Plots() {
		files[name] = []byte(svg)
	}
	for _, name := range sortedKeys(files) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Load reads what Save has written: report.json, or the folder that it is in.
func Load(name string) (Report, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, "report.json")
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return Report{}, err
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return Report{}, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
