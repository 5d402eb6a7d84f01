package faults

import (
	"reflect"
	"strings"
)

// Attribute describes one setting of a kind.
type Attribute struct {
	Name string        `json:"name"`
	Type AttributeType `json:"type"`
}

// AttributeType is how an attribute is written.
type AttributeType string

// The types.
const (
	DurationType AttributeType = "duration" // a text such as "250ms"
	SizeType     AttributeType = "size"     // bytes, or a text such as "10KB"
	IntegerType  AttributeType = "integer"
	NumberType   AttributeType = "number"
	FlagType     AttributeType = "flag"
	TextType     AttributeType = "text"
	JSONType     AttributeType = "json" // a list, an object, or several forms
)

// Attributes lists the settings of the kind, in the order of the reference; none if the kind is not available.
func (k Kind) Attributes() []Attribute {
	list := []Attribute{}
	if !k.Available() {
		return list
	}
	settings := reflect.TypeOf(k.construct()).Elem()
	for i := range settings.NumField() {
		field := settings.Field(i)
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			list = append(list, Attribute{name, typeOf(field.Type)})
		}
	}
	return list
}

// typeOf is how a field of that type is written.
func typeOf(t reflect.Type) AttributeType {
	if t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "" || t == reflect.TypeFor[*Duration]() {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[Duration]():
		return DurationType
	case t == reflect.TypeFor[Size]():
		return SizeType
	}
	switch t.Kind() {
	case reflect.String:
		return TextType
	case reflect.Bool:
		return FlagType
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return IntegerType
	case reflect.Float64:
		return NumberType
	}
	return JSONType
}
