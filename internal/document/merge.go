package document

// Merge applies a JSON merge patch (RFC 7396) and returns a new tree: objects are merged member by member, null takes a
// member away, anything else replaces what stood there. target may be nil. Members keep target's order, new ones follow.
// The places in the result are the patch's, as a refusal goes to who wrote that; what came from target has none.
func Merge(target, patch *Node) *Node {
	if patch.Kind != Object {
		return patch.clone()
	}
	changes := make(map[string]Member, len(patch.Members))
	for _, m := range patch.Members {
		changes[m.Name] = m
	}
	merged := &Node{Kind: Object, Line: patch.Line, Column: patch.Column}
	known := map[string]bool{}
	if target != nil && target.Kind == Object {
		for _, m := range target.Members {
			known[m.Name] = true
			if change, ok := changes[m.Name]; ok {
				merged.apply(change, m.Value)
			} else {
				merged.Members = append(merged.Members, Member{Name: m.Name, Value: m.Value.withoutPlaces()})
			}
		}
	}
	for _, m := range patch.Members {
		if !known[m.Name] {
			merged.apply(m, nil)
		}
	}
	return merged
}

// apply adds what a member of a patch makes of the old value of that name, which may be nil.
func (n *Node) apply(change Member, old *Node) {
	if change.Value.Kind == Null {
		return
	}
	change.Value = Merge(old, change.Value)
	n.Members = append(n.Members, change)
}

// clone copies the tree.
func (n *Node) clone() *Node {
	c := *n
	c.Members, c.Items = nil, nil
	for _, m := range n.Members {
		m.Value = m.Value.clone()
		c.Members = append(c.Members, m)
	}
	for _, item := range n.Items {
		c.Items = append(c.Items, item.clone())
	}
	return &c
}

// withoutPlaces copies the tree and forgets where it was written.
func (n *Node) withoutPlaces() *Node {
	c := *n
	c.Line, c.Column, c.Members, c.Items = 0, 0, nil, nil
	for _, m := range n.Members {
		c.Members = append(c.Members, Member{Name: m.Name, Value: m.Value.withoutPlaces()})
	}
	for _, item := range n.Items {
		c.Items = append(c.Items, item.withoutPlaces())
	}
	return &c
}
