package document

import (
	"reflect"
	"strings"
)

func storeStruct(n *Node, v reflect.Value) error {
	if err := want(n, Object); err != nil {
		return err
	}
	var wrong mistakes
	for _, m := range n.Members {
		field, readonly, ok := find(v, m.Name)
		switch {
		case wrong.full():
		case !ok:
			wrong.add(Unknown(m, memberNames(v.Type())))
		case readonly:
		default:
			wrong.add(prefix(store(m.Value, field), key(m.Name)))
		}
	}
	return wrong.err
}

// find returns the field of struct v that the member of that name goes to. A struct's own fields hide those of the structs
// embedded in it.
func find(v reflect.Value, name string) (field reflect.Value, readonly, ok bool) {
	t := v.Type()
	for i := range t.NumField() {
		if f := t.Field(i); name != "" && memberName(f) == name {
			return v.Field(i), isReadonly(f), true
		}
	}
	for i := range t.NumField() {
		if f := t.Field(i); isFlattened(f) {
			if field, readonly, ok = find(v.Field(i), name); ok {
				return field, readonly || isReadonly(f), true
			}
		}
	}
	return reflect.Value{}, false, false
}

// memberNames lists the members that a struct of type t takes and heeds, in the order of its fields.
func memberNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case isReadonly(f):
		case isFlattened(f):
			names = append(names, memberNames(f.Type)...)
		case memberName(f) != "":
			names = append(names, memberName(f))
		}
	}
	return names
}

// memberName is the name of the member that goes to f: its json tag's, or the field's own; "" when none does.
func memberName(f reflect.StructField) string {
	tag := f.Tag.Get("json")
	if !f.IsExported() || tag == "-" || isFlattened(f) {
		return ""
	}
	if name, _, _ := strings.Cut(tag, ","); name != "" {
		return name
	}
	return f.Name
}

// isFlattened says that f is an embedded struct without a name of its own in the document.
func isFlattened(f reflect.StructField) bool {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return f.Anonymous && f.Type.Kind() == reflect.Struct && name == ""
}

func isReadonly(f reflect.StructField) bool { return f.Tag.Get("document") == "readonly" }
