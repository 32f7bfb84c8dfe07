package workspace

// archive archives a channel, or takes that back.
func (ps *people) archive(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	defer ps.w.mu.Unlock()
	cv, err := ps.findConversation(u, a.Channel)
	if err == nil {
		cv.IsArchived = a.Do == DoArchive
		ps.w.touch()
	}
	return Outcome{}, err
}

// deactivate ends the account of a person, who stays in channels and groups.
func (ps *people) deactivate(_ *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	defer ps.w.mu.Unlock()
	gone := ps.w.users[a.Target]
	if gone == nil {
		return Outcome{}, errNoUser(a.Target)
	}
	gone.Deleted = true
	ps.w.touch()
	return Outcome{}, nil
}
