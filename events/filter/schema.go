package filter

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// errAbsent says that the event lacks what was asked for.
var errAbsent = errors.New("not there")

// schema tells CEL of the events' types by their JSON names. cel-go's own native types read structs, too, but take an absent one for null, and
// JSON for bytes.
type schema struct {
	types.Provider
	types.Adapter
	byType map[reflect.Type]*object
	byName map[string]*object
	event  *object
	missed string // the fields that there are, where one was asked for that is not
}

// object is one struct type.
type object struct {
	*types.Type
	struc  reflect.Type
	fields map[string]*field
}

// field is one field of a struct.
type field struct {
	owner   *object
	index   int
	typ     *types.Type
	value   func(reflect.Value) (any, error)
	nothing any // of a field that is a struct: what a path goes on with where the owner is absent
}

// declare adds the types, and an event's fields as variables.
func (s *schema) declare(e *cel.Env) (*cel.Env, error) {
	s.Provider, s.Adapter = e.CELTypeProvider(), e.CELTypeAdapter()
	s.byType, s.byName = map[reflect.Type]*object{}, map[string]*object{}
	position := s.object(reflect.TypeFor[events.Position]())
	s.event = s.object(reflect.TypeFor[events.Event]())
	options := []cel.EnvOption{
		cel.CustomTypeProvider(s), cel.CustomTypeAdapter(s), cel.Variable("position", position.Type), cel.Variable("stored", cel.TimestampType),
	}
	for name, f := range s.event.fields {
		options = append(options, cel.Variable(name, f.typ))
	}
	var err error
	for _, o := range options {
		if e, err = o(e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// names are those of the variables.
func (s *schema) names() string {
	return strings.Join(slices.Sorted(maps.Keys(s.event.fields)), ", ") + ", position, stored"
}

func (o *object) names() string { return strings.Join(slices.Sorted(maps.Keys(o.fields)), ", ") }

// object makes the type of a struct, and of all that it holds.
func (s *schema) object(t reflect.Type) *object {
	if o, ok := s.byType[t]; ok {
		return o
	}
	name := strings.ToLower(t.Name()) + " object" // no identifier, so that nobody can make one in an expression
	o := &object{Type: types.NewObjectType(name), struc: t, fields: map[string]*field{}}
	s.byType[t], s.byName[name] = o, o
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		f := &field{owner: o, index: i}
		f.typ, f.value = s.kind(t.Field(i).Type)
		if inner, ok := s.byName[f.typ.TypeName()]; ok {
			f.nothing = reflect.Zero(reflect.PointerTo(inner.struc)).Interface()
		}
		o.fields[key] = f
	}
	return o
}

// kind is the CEL type of a Go type, and how its values are given to CEL.
func (s *schema) kind(t reflect.Type) (*types.Type, func(reflect.Value) (any, error)) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return types.TimestampType, func(v reflect.Value) (any, error) {
			at := v.Interface().(time.Time)
			if at.IsZero() { // a time that is not known is neither before nor after any other
				return nil, errAbsent
			}
			return types.Timestamp{Time: at}, nil
		}
	case reflect.TypeFor[jsontext.Value]():
		return types.DynType, func(v reflect.Value) (any, error) { return decoded(v.Interface().(jsontext.Value)) }
	case reflect.TypeFor[map[string]jsontext.Value]():
		return types.NewMapType(types.StringType, types.DynType), func(v reflect.Value) (any, error) {
			out := map[string]any{}
			for name, raw := range v.Interface().(map[string]jsontext.Value) {
				var err error
				if out[name], err = decoded(raw); err != nil {
					return nil, err
				}
			}
			return out, nil
		}
	case reflect.TypeFor[[]byte]():
		return types.BytesType, func(v reflect.Value) (any, error) { return types.Bytes(v.Bytes()), nil }
	}
	switch t.Kind() {
	case reflect.String:
		return types.StringType, func(v reflect.Value) (any, error) { return types.String(v.String()), nil }
	case reflect.Bool:
		return types.BoolType, func(v reflect.Value) (any, error) { return types.Bool(v.Bool()), nil }
	case reflect.Int:
		return types.IntType, func(v reflect.Value) (any, error) { return types.Int(v.Int()), nil }
	case reflect.Uint64:
		return types.IntType, func(v reflect.Value) (any, error) { return types.Int(v.Uint()), nil }
	case reflect.Struct:
		return s.object(t).Type, func(v reflect.Value) (any, error) { return v.Addr().Interface(), nil }
	case reflect.Pointer:
		return s.object(t.Elem()).Type, func(v reflect.Value) (any, error) { return v.Interface(), nil }
	case reflect.Slice:
		elem, _ := s.kind(t.Elem())
		return types.NewListType(elem), func(v reflect.Value) (any, error) { return types.NewDynamicList(s, v.Interface()), nil }
	case reflect.Map:
		elem, _ := s.kind(t.Elem())
		return types.NewMapType(types.StringType, elem), func(v reflect.Value) (any, error) { return types.NewDynamicMap(s, v.Interface()), nil }
	}
	panic(fmt.Sprintf("events have a field of type %s, which filters do not know", t))
}

// decoded is any JSON. What is not there is null, as an absent object is.
func decoded(raw jsontext.Value) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var v any
	err := events.Unmarshal(raw, &v)
	return v, err
}

// in finds the struct of a value that CEL hands back; false: it is absent.
func (o *object) in(value any) (reflect.Value, bool) {
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v, v.IsValid() && v.Type() == o.struc
}

// get reads the field. A struct within an absent struct is absent, too, so that a path may go through it.
func (f *field) get(from any) (any, error) {
	if v, ok := f.owner.in(from); ok {
		return f.value(v.Field(f.index))
	}
	if f.nothing != nil {
		return f.nothing, nil
	}
	return nil, errAbsent
}

func (f *field) set(in any) bool {
	v, ok := f.owner.in(in)
	return ok && !v.Field(f.index).IsZero()
}

// FindStructType implements CEL's Provider.
func (s *schema) FindStructType(name string) (*types.Type, bool) {
	if o, ok := s.byName[name]; ok {
		return types.NewTypeTypeWithParam(o.Type), true
	}
	return s.Provider.FindStructType(name)
}

// FindStructFieldNames implements CEL's Provider.
func (s *schema) FindStructFieldNames(name string) ([]string, bool) {
	if o, ok := s.byName[name]; ok {
		return slices.Sorted(maps.Keys(o.fields)), true
	}
	return s.Provider.FindStructFieldNames(name)
}

// FindStructFieldType implements CEL's Provider.
func (s *schema) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	o, ok := s.byName[name]
	if !ok {
		return s.Provider.FindStructFieldType(name, fieldName)
	}
	f, ok := o.fields[fieldName]
	if !ok {
		s.missed = o.names()
		return nil, false
	}
	return &types.FieldType{Type: f.typ, IsSet: f.set, GetFrom: f.get}, true
}

// NativeToValue implements CEL's Adapter.
func (s *schema) NativeToValue(value any) ref.Val {
	if v, ok := value.(ref.Val); ok {
		return v
	}
	t := reflect.TypeOf(value)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	o, ok := s.byType[t]
	if !ok {
		return s.Adapter.NativeToValue(value)
	}
	if _, ok := o.in(value); !ok {
		return types.NullValue
	}
	return instance{s, o, value}
}
