package conf

import (
	"regexp"
	"slices"
	"strings"
)

// What is a secret is told by its name: a configuration is shown on a page and in errors.

const hidden = "***"

// secretNames are what names of secrets have in them, with _ between words.
var secretNames = []string{
	"password", "passwd", "passphrase", "secret", "token", "authorization", "api_key",
	"apikey", "access_key", "private_key",
}

// secretWords are words of which they are made.
var secretWords = []string{"pass", "pwd"}

// isSecret reports whether what a name stands for is to be hidden. The name of a file is none.
func isSecret(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if strings.HasSuffix(name, "_file") {
		return false
	}
	return slices.ContainsFunc(secretNames, func(s string) bool {
		return strings.Contains(name, s)
	}) || slices.ContainsFunc(strings.Split(name, "_"), func(word string) bool {
		return slices.Contains(secretWords, word)
	})
}

var variableNames = regexp.MustCompile(`\$\{([A-Za-z0-9_]+)`)

// secretVariable reports whether a text has a variable in it that is a secret.
func secretVariable(text string) bool {
	for _, found := range variableNames.FindAllStringSubmatch(text, -1) {
		if isSecret(found[1]) {
			return true
		}
	}
	return false
}

var urlPassword = regexp.MustCompile(`(://[^/@:\s"]*):[^/@\s"]*@`)

// withoutPasswords hides those of URLs.
func withoutPasswords(text string) string {
	return urlPassword.ReplaceAllString(text, "$1:"+hidden+"@")
}

// withoutSecrets hides what a condition compares secrets with.
func withoutSecrets(tokens []token) []token {
	shown := slices.Clone(tokens)
	secret := false // we are behind such a name
	for i := range shown {
		t := &shown[i]
		switch {
		case slices.Contains([]string{"and", "or", "not", "(", ")"}, t.text):
			secret = false
		case i > 0 && subjects[shown[i-1].text].named() && !secret:
			secret = isSecret(strings.Trim(t.text, `"`))
		case secret && !isOperator(t.text) && t.text != ",", secretVariable(t.text):
			t.text, t.expanded = hidden, ""
		}
	}
	return shown
}

func isOperator(text string) bool {
	for _, o := range operators {
		if o.text == text {
			return true
		}
	}
	return false
}

// shownLine is a line of a file for an error: without the value if that is a secret, which is
// returned then.
func (p place) shownLine() (line, secret string) {
	line = p.line()
	name, value, found := strings.Cut(line, "=")
	if words := strings.Fields(name); found && len(words) > 0 &&
		(isSecret(strings.Join(words, "_")) || p.section() == "users") {
		return name + "= " + hidden, strings.TrimSpace(value)
	}
	return withoutPasswords(line), ""
}

// section is the name of that around the place, roughly: braces in texts count, too, and no more
// than 64 KiB are looked at.
func (p place) section() string {
	text := p.src.text[:strings.LastIndexByte(p.src.text[:p.off], '\n')+1]
	text = text[max(0, len(text)-64<<10):]
	for depth := 0; ; {
		i := strings.LastIndexAny(text, "{}")
		if i < 0 {
			return ""
		}
		if text[i] == '}' {
			depth++
		} else if depth--; depth < 0 {
			head := text[strings.LastIndexAny(text[:i], "\n{}")+1 : i]
			if words := strings.Fields(head); len(words) > 0 {
				return words[0]
			}
			return ""
		}
		text = text[:i]
	}
}

// hide hides a secret, and passwords of URLs, wherever they are in a text. One that is shorter than
// a word cannot be told from the rest of it.
func hide(text, secret string) string {
	text = withoutPasswords(text)
	if secret = strings.Trim(secret, `"`); len(secret) < 4 {
		return text
	}
	return strings.ReplaceAll(text, secret, hidden)
}
