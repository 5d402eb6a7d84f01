package control

// ClearOwner takes away what one owner set: its rules, the lists of rules and the modes that it put in force. What
// stood there before it stands there again where that is still known.
func (s *State) ClearOwner(owner string) {
	s.Mode = s.Mode.without(owner, Mode{Name: ModeNormal})
	for name, mode := range s.Modes {
		s.setOwnMode(name, mode.without(owner, Mode{}))
	}
	if s.TimedRules != nil && s.TimedRules.Owner == owner {
		s.Rules, s.TimedRules = s.TimedRules.BackTo, nil
	}
	for _, list := range s.lists() {
		*list = withoutOwner(*list, owner)
	}
}

// without is what is left of a mode when an owner's part is taken away; unset is that of nobody.
func (m Mode) without(owner string, unset Mode) Mode {
	if m.BackTo != nil && m.BackTo.Owner == owner {
		m.BackTo = &unset
	}
	switch {
	case m.Owner != owner:
		return m
	case m.BackTo != nil:
		return *m.BackTo
	}
	return unset
}

func withoutOwner(list []Rule, owner string) []Rule {
	kept := make([]Rule, 0, len(list))
	for _, r := range list {
		if r.BackTo != nil && r.BackTo.Owner == owner {
			r.BackTo = nil
		}
		if r.Owner != owner {
			kept = append(kept, r)
		} else if back := r.BackTo; back != nil && vacant(back.key(), r.key(), kept, list) {
			kept = append(kept, *back)
		}
	}
	return kept
}
