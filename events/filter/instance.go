package filter

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// instance is a struct as CEL sees it, where it is passed on whole: an element of a list, a variable of a loop.
type instance struct {
	types *schema
	*object
	value any
}

// Type implements CEL's Val.
func (i instance) Type() ref.Type { return i.object.Type }

// Value implements CEL's Val.
func (i instance) Value() any { return i.value }

// Equal implements CEL's Val.
func (i instance) Equal(other ref.Val) ref.Val {
	o, ok := other.(instance)
	if !ok || o.object != i.object {
		return types.False
	}
	a, _ := i.in(i.value)
	b, _ := o.in(o.value)
	return types.Bool(reflect.DeepEqual(a.Interface(), b.Interface()))
}

// Get implements CEL's Indexer, for what has been made dyn.
func (i instance) Get(name ref.Val) ref.Val {
	f, ok := i.field(name)
	if !ok {
		return types.NewErr("no such key: %v", name)
	}
	v, err := f.get(i.value)
	if err != nil {
		return types.WrapErr(err)
	}
	return i.types.NativeToValue(v)
}

// IsSet implements CEL's FieldTester.
func (i instance) IsSet(name ref.Val) ref.Val {
	f, ok := i.field(name)
	return types.Bool(ok && f.set(i.value))
}

func (i instance) field(name ref.Val) (*field, bool) {
	s, ok := name.(types.String)
	f := i.fields[string(s)]
	return f, ok && f != nil
}

// ConvertToNative implements CEL's Val.
func (i instance) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a %s cannot be made a %s", i.TypeName(), t)
}

// ConvertToType implements CEL's Val.
func (i instance) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return i.object.Type
	}
	return types.NewErr("a %s cannot be made a %s", i.TypeName(), t.TypeName())
}
