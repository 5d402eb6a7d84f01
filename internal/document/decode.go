package document

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// Decoder is implemented, on the pointer, by types that read themselves: a duration, or a rule with its short forms. n is
// never nil; it is of Kind [Null] where the document says null. An [*Error] it returns gets the path of its value put
// before it, and a place if it has none; of any other error the text becomes the reason.
//
// A type that only prepares n, or sets defaults, and leaves the rest to [Decode] hands that a defined type of its own
// fields (type plain Rule; Decode(n, (*plain)(r))), which has no methods.
type Decoder interface {
	DecodeDocument(n *Node) error
}

// Decode stores n into the value that out points to, and returns the first thing that does not fit, as an [*Error] with what else
// does not behind it. Then out may be half written, with all that does fit. Nothing happens when n is nil.
//
// Structs take members by the names of their json tags, case-sensitively; an embedded struct's fields count as their own; a
// field tagged document:"readonly" accepts its member and ignores it. Members that are absent leave what was there, so that
// callers preset their defaults. Maps, lists and what a pointer points to are made anew: Decode writes into nothing that out
// shares with other values.
//
// Null makes pointers, slices, maps and interfaces nil, and is refused elsewhere. Integers take whole numbers written in
// digits alone, floats only what stays finite. A [json.RawMessage] gets the value's compact JSON, a *Node the node itself,
// an any map[string]any, []any, string, bool, nil or [json.Number]. Besides Decoder, strings are given to types with an
// UnmarshalText, such as [time.Time] and [net/netip.Prefix].
func Decode(n *Node, out any) error {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return Errorf("", "cannot be read into %T, which is no pointer to a value", out)
	}
	if n == nil {
		return nil
	}
	return store(n, v.Elem())
}

// store puts n into v, which is addressable.
func store(n *Node, v reflect.Value) error {
	switch out := v.Addr().Interface().(type) {
	case Decoder:
		return Locate(n, out.DecodeDocument(n))
	case **Node:
		*out = n
		return nil
	case *json.RawMessage:
		raw, err := n.MarshalJSON()
		*out = raw
		return Locate(n, err)
	case *any:
		*out = plain(n)
		return nil
	case *json.Number:
		if n.Kind != Null {
			return storeNumber(n, out)
		}
	case encoding.TextUnmarshaler:
		if n.Kind != Null {
			return storeText(n, out)
		}
	}
	if n.Kind == Null {
		return storeNull(n, v)
	}
	return storeKind(n, v)
}

func storeNull(n *Node, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		v.SetZero()
		return nil
	}
	return refuse(n, "must not be null")
}

// storeKind puts n, which is not null, into v by the kind of v.
func storeKind(n *Node, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		return storePointer(n, v)
	case reflect.Struct:
		return storeStruct(n, v)
	case reflect.Map:
		return storeMap(n, v)
	case reflect.Slice:
		return storeSlice(n, v)
	case reflect.String:
		return storeString(n, v)
	case reflect.Bool:
		return storeBool(n, v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return storeInt(n, v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return storeUint(n, v)
	case reflect.Float32, reflect.Float64:
		return storeFloat(n, v)
	}
	return refuse(n, "cannot be read into a Go %s", v.Type())
}

// storePointer points v to a new value, which starts as a copy of the one that v points to now.
func storePointer(n *Node, v reflect.Value) error {
	fresh := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		fresh.Elem().Set(v.Elem())
	}
	if err := store(n, fresh.Elem()); err != nil {
		return err
	}
	v.Set(fresh)
	return nil
}

func storeMap(n *Node, v reflect.Value) error {
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		return refuse(n, "cannot be read into a Go %s", t)
	}
	if err := want(n, Object); err != nil {
		return err
	}
	var wrong mistakes
	fresh := reflect.MakeMap(t)
	for _, m := range n.Members {
		if wrong.full() {
			break
		}
		value := reflect.New(t.Elem()).Elem()
		wrong.add(prefix(store(m.Value, value), key(m.Name)))
		fresh.SetMapIndex(reflect.ValueOf(m.Name).Convert(t.Key()), value)
	}
	v.Set(fresh)
	return wrong.err
}

// storeSlice lets the slice grow as items prove good: [0,0,0,…] sent for a list of large structs must not cost their memory.
func storeSlice(n *Node, v reflect.Value) error {
	if err := want(n, List); err != nil {
		return err
	}
	var wrong mistakes
	fresh := reflect.MakeSlice(v.Type(), 0, min(len(n.Items), 8))
	for i, item := range n.Items {
		if wrong.full() {
			break
		}
		fresh = reflect.Append(fresh, reflect.Zero(v.Type().Elem()))
		wrong.add(prefix(store(item, fresh.Index(i)), index(i)))
	}
	v.Set(fresh)
	return wrong.err
}

// mistakes are those of one value.
type mistakes struct {
	err   error
	count int
}

func (m *mistakes) add(err error) {
	if err != nil {
		m.err = Join(m.err, err)
		m.count = len(All(m.err))
	}
}

// full says that there are as many as are told.
func (m *mistakes) full() bool { return m.count == maxErrors }

// plain is the tree as Go's untyped values, numbers kept as written.
func plain(n *Node) any {
	switch n.Kind {
	case Bool:
		return n.Bool
	case Number:
		return json.Number(n.Text)
	case String:
		return n.Text
	case List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = plain(item)
		}
		return list
	case Object:
		object := make(map[string]any, len(n.Members))
		for _, m := range n.Members {
			object[m.Name] = plain(m.Value)
		}
		return object
	}
	return nil
}

// want refuses n unless it is of that kind; a number must be one of JSON's, whatever the tree was built from.
func want(n *Node, kind Kind) error {
	if n.Kind != kind {
		return refuse(n, "want %s, got %s", kind, n.Kind)
	}
	if kind == Number && !isNumber(n.Text) {
		return refuse(n, "not a number: %s", quote(n.Text))
	}
	return nil
}
