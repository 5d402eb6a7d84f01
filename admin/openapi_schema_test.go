package admin_test

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// valid fails the test when a value is not what a schema says. Read-only members may be anywhere; those that are
// write-only must not be in answers.
func (doc openAPI) valid(t *testing.T, what string, schema, value any, answer bool) {
	t.Helper()
	if err := doc.validate(schema, value, answer); err != nil {
		t.Errorf("%s is not as its schema says: %v", what, err)
	}
}

// validate holds a value against a schema. It knows the keywords that are used, and refuses others.
func (doc openAPI) validate(schema, value any, answer bool) error {
	rules, ok := schema.(map[string]any)
	if !ok {
		return fmt.Errorf("a schema is %T", schema)
	}
	if rules["writeOnly"] == true && answer {
		return fmt.Errorf("only requests have it")
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		check := keyword(name)
		if check == nil {
			return fmt.Errorf("the keyword %q is not known here", name)
		}
		if err := check(doc, rules, value, answer); err != nil {
			return err
		}
	}
	return nil
}

// checker holds a value against one keyword of a schema, given all of them.
type checker func(doc openAPI, rules map[string]any, value any, answer bool) error

// keyword finds the checker of a keyword; nil for one that is not used.
func keyword(name string) checker {
	switch name {
	case "$ref":
		return checkRef
	case "type":
		return checkType
	case "properties", "additionalProperties":
		return checkProperties
	case "required":
		return checkRequired
	case "items":
		return checkItems
	case "anyOf":
		return checkAnyOf
	case "enum":
		return checkEnum
	case "minimum", "maximum":
		return checkBounds
	case "minLength", "maxLength", "pattern":
		return checkText
	case "description", "default", "readOnly", "writeOnly": // say nothing of what is valid
		return func(openAPI, map[string]any, any, bool) error { return nil }
	}
	return nil
}

func checkRef(doc openAPI, rules map[string]any, value any, answer bool) error {
	name := strings.TrimPrefix(rules["$ref"].(string), "#/components/schemas/")
	target, there := doc.Components.Schemas[name]
	if !there {
		return fmt.Errorf("no schema is named %q", name)
	}
	return doc.validate(target, value, answer)
}

func checkType(_ openAPI, rules map[string]any, value any, _ bool) error {
	types, several := rules["type"].([]any)
	if !several {
		types = []any{rules["type"]}
	}
	is := typeOf(value)
	if slices.Contains(types, any(is)) || is == "integer" && slices.Contains(types, any("number")) {
		return nil
	}
	return fmt.Errorf("want %v, got %s %v", types, is, value)
}

func typeOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case float64:
		if value == math.Trunc(value) {
			return "integer"
		}
		return "number"
	}
	return fmt.Sprintf("%T", value)
}

func checkProperties(doc openAPI, rules map[string]any, value any, answer bool) error {
	members, _ := value.(map[string]any)
	known, _ := rules["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		schema, there := known[name]
		if !there {
			switch schema = rules["additionalProperties"]; schema {
			case nil:
				continue
			case false:
				return fmt.Errorf("%s: not described", name)
			}
		}
		if err := doc.validate(schema, members[name], answer); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkRequired(_ openAPI, rules map[string]any, value any, _ bool) error {
	members, _ := value.(map[string]any)
	for _, name := range rules["required"].([]any) {
		if _, there := members[name.(string)]; !there {
			return fmt.Errorf("%v: missing", name)
		}
	}
	return nil
}

func checkItems(doc openAPI, rules map[string]any, value any, answer bool) error {
	list, _ := value.([]any)
	for i, item := range list {
		if err := doc.validate(rules["items"], item, answer); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func checkAnyOf(doc openAPI, rules map[string]any, value any, answer bool) error {
	var refused []error
	for _, schema := range rules["anyOf"].([]any) {
		err := doc.validate(schema, value, answer)
		if err == nil {
			return nil
		}
		refused = append(refused, err)
	}
	return fmt.Errorf("none of %v", refused)
}

func checkEnum(_ openAPI, rules map[string]any, value any, _ bool) error {
	if list := rules["enum"].([]any); !slices.Contains(list, value) {
		return fmt.Errorf("want one of %v, got %v", list, value)
	}
	return nil
}

func checkBounds(_ openAPI, rules map[string]any, value any, _ bool) error {
	number, isNumber := value.(float64)
	least, isBound := rules["minimum"].(float64)
	if isNumber && isBound && number < least {
		return fmt.Errorf("%v is less than %v", number, least)
	}
	if most, isBound := rules["maximum"].(float64); isNumber && isBound && number > most {
		return fmt.Errorf("%v is more than %v", number, most)
	}
	return nil
}

func checkText(_ openAPI, rules map[string]any, value any, _ bool) error {
	text, isText := value.(string)
	if !isText {
		return nil
	}
	length := float64(utf8.RuneCountInString(text))
	if least, given := rules["minLength"].(float64); given && length < least {
		return fmt.Errorf("%q is too short", text)
	}
	if most, given := rules["maxLength"].(float64); given && length > most {
		return fmt.Errorf("%q is too long", text)
	}
	if pattern, given := rules["pattern"].(string); given && !regexp.MustCompile(pattern).MatchString(text) {
		return fmt.Errorf("%q does not match %s", text, pattern)
	}
	return nil
}
