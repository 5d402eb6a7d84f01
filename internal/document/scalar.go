package document

import (
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
)

func storeString(n *Node, v reflect.Value) error {
	if err := want(n, String); err != nil {
		return err
	}
	v.SetString(n.Text)
	return nil
}

func storeText(n *Node, out encoding.TextUnmarshaler) error {
	if err := want(n, String); err != nil {
		return err
	}
	return Locate(n, out.UnmarshalText([]byte(n.Text)))
}

func storeBool(n *Node, v reflect.Value) error {
	if err := want(n, Bool); err != nil {
		return err
	}
	v.SetBool(n.Bool)
	return nil
}

func storeNumber(n *Node, out *json.Number) error {
	if err := want(n, Number); err != nil {
		return err
	}
	*out = json.Number(n.Text)
	return nil
}

func storeInt(n *Node, v reflect.Value) error {
	if err := wantWhole(n); err != nil {
		return err
	}
	bits := v.Type().Bits()
	i, err := strconv.ParseInt(n.Text, 10, bits)
	if err != nil {
		least := int64(math.MinInt64) >> (64 - bits)
		return refuse(n, "want a number from %d to %d, got %s", least, -(least + 1), shorten(n.Text))
	}
	v.SetInt(i)
	return nil
}

func storeUint(n *Node, v reflect.Value) error {
	if err := wantWhole(n); err != nil {
		return err
	}
	bits := v.Type().Bits()
	u, err := strconv.ParseUint(n.Text, 10, bits)
	if err != nil {
		return refuse(n, "want a number from 0 to %d, got %s", uint64(math.MaxUint64)>>(64-bits), shorten(n.Text))
	}
	v.SetUint(u)
	return nil
}

// wantWhole refuses n unless it is a number in digits alone. 1e2 and 1.0 are refused, too: whether a number is whole must
// be seen without computing it.
func wantWhole(n *Node) error {
	if err := want(n, Number); err != nil {
		return err
	}
	if strings.Trim(n.Text, "-0123456789") != "" {
		return refuse(n, "want a whole number without point or exponent, got %s", shorten(n.Text))
	}
	return nil
}

func storeFloat(n *Node, v reflect.Value) error {
	if err := want(n, Number); err != nil {
		return err
	}
	f, err := strconv.ParseFloat(n.Text, v.Type().Bits())
	if err != nil {
		return refuse(n, "out of range: %s", shorten(n.Text))
	}
	v.SetFloat(f)
	return nil
}
