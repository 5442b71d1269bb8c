// Package filter selects events by an expression in CEL, the Common Expression Language: what `rollcall replay --filter` takes.
//
// An expression says of one event whether it is wanted, in the names of the event's JSON:
//
//	type == "grant.created" && data.entity.grant.role_name == "Global Administrator"
//	tenant == "acme" && recordedtime - time > duration("1h")
//
// It is checked against the events' types before anything is read. The README has the names and the rules.
package filter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/rollcallhq/rollcall/events"
)

// costLimit is what one event may cost, in CEL's units, of which a comparison of two fields takes some three: so that no expression hangs,
// whatever it loops over. It is used up after some 10 ms.
const costLimit = 100_000

// Filter is an expression, checked. The nil Filter selects every event. Its methods may be called at the same time.
type Filter struct {
	text    string
	program cel.Program
	types   *schema
}

// Parse reads and checks an expression. An error says what is wrong, and shows where.
func Parse(text string) (*Filter, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("the expression is empty")
	}
	s := &schema{}
	env, err := cel.NewEnv(s.declare, cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()))
	if err != nil {
		return nil, err
	}
	source := common.NewStringSource(text, "")
	ast, issues := env.CompileSource(source)
	if issues.Err() != nil {
		return nil, s.explain(issues.Errors()[0], source)
	}
	if out := ast.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("it gives a %s, but must give true or false: compare it, as in type == \"agent.disabled\"\n | %s",
			cel.FormatCELType(out), text)
	}
	p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil {
		return nil, err
	}
	return &Filter{text, p, s}, nil
}

// String is the expression.
func (f *Filter) String() string { return f.text }

// explain says what is wrong with an expression, and shows where.
func (s *schema) explain(issue *cel.Error, source cel.Source) error {
	what := issue.Message
	switch {
	case strings.HasPrefix(what, "undefined field") && s.missed != "":
		what += ": there are " + s.missed
	case strings.HasPrefix(what, "undeclared reference"):
		what, _, _ = strings.Cut(what, " (in container")
		what += ": an event has " + s.names()
	}
	_, where, _ := strings.Cut(issue.ToDisplayString(source), issue.Message)
	return fmt.Errorf("column %d: %s%s", issue.Location.Column()+1, what, where)
}

// Error says that an expression could not be evaluated on an event.
type Error struct {
	Position events.Position
	Err      error
}

func (e *Error) Error() string { return fmt.Sprintf("event at %d: %v", e.Position.Sequence, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Match reports whether f selects the event. What the reader's keys open is seen as they open it. An *[Error] says that the expression could
// not be evaluated on this event, an [events.DamageError] that it is none; every other error comes from the keys.
func (f *Filter) Match(s *events.Stored) (bool, error) {
	if f == nil {
		return true, nil
	}
	vars := variables{stored: s, types: f.types}
	out, _, err := f.program.Eval(&vars)
	stopped := interpreter.EvalCancelledError{}
	switch {
	case vars.err != nil:
		return false, vars.err
	case errors.As(err, &stopped):
		return false, &Error{s.Position, errors.New("it takes too many steps; make it simpler")}
	case absent(err):
		return false, nil
	case err != nil:
		return false, &Error{s.Position, err}
	}
	selected, ok := out.(types.Bool)
	if !ok {
		return false, &Error{s.Position, fmt.Errorf("it gives a %s, not true or false", out.Type().TypeName())}
	}
	return bool(selected), nil
}

// Select yields the messages that f selects, and the errors in between, until ctx is done, whose cause is then the last of them. Messages on
// which f cannot be evaluated are passed over, and told to failed.
func (f *Filter) Select(ctx context.Context, messages iter.Seq2[events.Stored, error], failed func(*Error)) iter.Seq2[events.Stored, error] {
	if f == nil {
		return messages
	}
	return func(yield func(events.Stored, error) bool) {
		for s, err := range messages {
			selected := err != nil
			switch {
			case ctx.Err() != nil:
				s, err = events.Stored{}, context.Cause(ctx)
			case err == nil:
				selected, err = f.Match(&s)
			}
			if e := (*Error)(nil); errors.As(err, &e) {
				failed(e)
				continue
			}
			if (selected || err != nil) && !yield(s, err) || err != nil && !events.Damaged(err) {
				return
			}
		}
	}
}

// absent reports whether an expression has no value because the event lacks what it speaks of.
func absent(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error() // CEL has no error of its own for what a map or a list lacks
	return errors.Is(err, errAbsent) || strings.HasPrefix(text, "no such key: ") || strings.HasPrefix(text, "index out of bounds: ")
}

// variables are an event's, for one evaluation. The event is decoded when the first of them is asked for that needs it.
type variables struct {
	stored  *events.Stored
	types   *schema
	message *events.Message
	err     error
}

// ResolveName implements CEL's Activation.
func (v *variables) ResolveName(name string) (any, bool) {
	switch name {
	case "type":
		t, err := v.stored.Type()
		return v.failed(types.String(t), err), true
	case "position":
		return &v.stored.Position, true
	case "stored":
		return types.Timestamp{Time: v.stored.Time}, true
	}
	field, ok := v.types.event.fields[name]
	if !ok {
		return nil, false
	}
	if v.message == nil && v.err == nil {
		m, err := v.stored.Message()
		v.message, v.err = &m, err
	}
	if v.err != nil {
		return types.WrapErr(v.err), true
	}
	got, err := field.get(&v.message.Event)
	if err != nil {
		return types.WrapErr(err), true
	}
	return got, true
}

func (v *variables) failed(val ref.Val, err error) ref.Val {
	if err != nil {
		v.err = err
		return types.WrapErr(err)
	}
	return val
}

// Parent implements CEL's Activation.
func (v *variables) Parent() cel.Activation { return nil }
