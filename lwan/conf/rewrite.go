package conf

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// rewrite is rules by which requests are answered as if another path had been asked for, or sent
// there. Without a prefix they count before content is chosen, and what no rule fits goes on; with
// one they are all that there is, as in Lwan.
type rewrite struct {
	Pattern []rewriteRule `doc:"a pattern of Lua's, in what is left of the path: pattern foo/(%d+) { }"`
	Match   []rewriteRule `doc:"a regular expression (RE2): match ^/p/([0-9]+)$ { }"`

	ordered []*rewriteRule // both, in the order of the file
}

// rewriteRule is one rule.
type rewriteRule struct {
	Rule       string `conf:"rule,arg,required" doc:"the pattern, or the expression"`
	RewriteAs  string `doc:"a path of the site: /x?y=%1; of match $1"`
	RedirectTo string `doc:"a path, or an http or https URL"`
	Code       int    `default:"301" oneof:"301 302 303 307 308" doc:"of redirect_to"`

	ConditionMethod         string             `doc:"a method that the rule is for"`
	ConditionHasQueryString *bool              `doc:"whether there is a query"`
	ConditionIsHTTPS        *bool              `conf:"condition_is_https" doc:"whether the client speaks https"`
	Condition               []rewriteCondition `doc:"condition cookie { name = value }: cookie, query, header, environment"`

	lua bool
}

// rewriteCondition is one of Lwan's.
type rewriteCondition struct {
	Kind string            `conf:"kind,arg,required" oneof:"cookie query header environment" doc:"what is looked at"`
	Is   map[string]string `conf:"*" doc:"name = value"`

	cond *Cond
}

// conditionNames are the subjects of the kinds.
var conditionNames = map[string]string{
	"cookie": "cookie", "query": "query", "header": "header", "environment": "env",
}

// Check implements Checker.
func (c *rewriteCondition) Check() error {
	var all []string
	for name, value := range c.Is {
		if strings.ContainsAny(name+value, "\"\n{}") || name == "" {
			return fmt.Errorf("%q = %q cannot be asked for", name, value)
		}
		all = append(all, fmt.Sprintf(`%s "%s" == "%s"`, conditionNames[c.Kind], name, value))
	}
	if len(all) == 0 {
		return errors.New("there is nothing to look at: write name = value")
	}
	var err error
	c.cond, err = ParseCond(strings.Join(all, " and "))
	return err
}

// order implements ordered: the sections are those of the configuration, in the order of the file.
func (c *rewrite) order(n *node) {
	patterns, matches := 0, 0
	for _, s := range n.body {
		switch {
		case s.isSection("pattern") && patterns < len(c.Pattern):
			c.Pattern[patterns].lua = true
			c.ordered = append(c.ordered, &c.Pattern[patterns])
			patterns++
		case s.isSection("match") && matches < len(c.Match):
			c.ordered = append(c.ordered, &c.Match[matches])
			matches++
		}
	}
}

// orderer is a configuration for which the order of its sections counts.
type orderer interface{ order(n *node) }

// rules are those of package handlers.
func (c *rewrite) rules(guards []guard) (list []handlers.RewriteRule, err error) {
	for _, r := range c.ordered {
		rule, err := r.rule(guards)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Rule, err)
		}
		list = append(list, rule)
	}
	if len(list) == 0 {
		return nil, errors.New("there are no rules: write pattern or match")
	}
	_, err = handlers.NewRewriter(list...)
	return list, err
}

func (r *rewriteRule) rule(guards []guard) (to handlers.RewriteRule, err error) {
	switch {
	case (r.RewriteAs == "") == (r.RedirectTo == ""):
		return to, errors.New("there is neither rewrite_as nor redirect_to, or both")
	case r.RedirectTo != "":
		to.To, to.Redirect = r.RedirectTo, lwan.Status(r.Code)
	default:
		to.To = r.RewriteAs
	}
	if r.lua {
		to.Lua, err = handlers.ParseLuaPattern(r.Rule)
	} else {
		to.Match, err = regexp.Compile(r.Rule)
	}
	if all := append(guards[:len(guards):len(guards)], r.conditions()...); len(all) > 0 {
		to.When = func(req *lwan.Request) bool { return allHold(all, req) }
	}
	return to, err
}

// conditions are those of Lwan's that the rule has.
func (r *rewriteRule) conditions() (all []guard) {
	if r.ConditionMethod != "" {
		all = append(all, func(req *lwan.Request) bool { return req.Method() == r.ConditionMethod })
	}
	if want := r.ConditionHasQueryString; want != nil {
		all = append(all, func(req *lwan.Request) bool {
			return strings.ContainsRune(req.Target(), '?') == *want
		})
	}
	if want := r.ConditionIsHTTPS; want != nil {
		all = append(all, func(req *lwan.Request) bool {
			return (req.Scheme() == "https") == *want
		})
	}
	for _, c := range r.Condition {
		all = append(all, c.cond.Holds)
	}
	return all
}

func allHold(guards []guard, req *lwan.Request) bool {
	for _, holds := range guards {
		if !holds(req) {
			return false
		}
	}
	return true
}

var rewriteModule = lwan.Module[rewrite]{Name: "rewrite",
	Open: func(s *lwan.Scope, c rewrite) error {
		rules, err := c.rules(nil)
		if err != nil {
			return err
		}
		return handlers.Rewrite.Open(s, rules)
	}}

// phaseRewrite is where redirects of rewrite without a prefix are answered: before anything that
// costs, and inside of what changes fields.
const phaseRewrite = PhaseErrors + 5

// rewriteBefore takes a rewrite without a prefix.
func (b *block) rewriteBefore(n *node) {
	known := len(b.report.list)
	c := &rewrite{}
	(&decoder{report: b.report}).decode(n, c)
	c.order(n)
	if b.inside != "" {
		b.report.add(n.at, "", "rewrite belongs into a site, not inside of %s", b.inside)
	}
	b.early(n)
	if len(b.report.list) > known {
		return
	}
	rules, err := c.rules(b.guards)
	if err != nil {
		b.report.add(n.at, "", "%s: %v", n.name, err)
		return
	}
	w, err := handlers.NewRewriter(rules...)
	if err != nil {
		b.report.add(n.at, "", "%s: %v", n.name, err)
		return
	}
	*b.rewrites = append(*b.rewrites, w)
	open := func(*lwan.Scope) (lwan.Middleware, error) { return w.Redirects, nil }
	*b.filters = append(*b.filters, &filter{n: n, phase: phaseRewrite, open: open})
}
