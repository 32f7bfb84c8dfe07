package workspace

import "slices"

// userObject is what users.info and users.list say of a user. Flags that are false are left out
// for people, since Slack may leave any of them out.
func (w *Workspace) userObject(u *User) reply {
	profile := reply{
		"real_name":               u.RealName,
		"display_name":            u.Name,
		"real_name_normalized":    u.RealName,
		"display_name_normalized": u.Name,
		"team":                    u.TeamID,
	}
	if u.Email != "" && slices.Contains(w.cfg.App.Scopes, "users:read.email") {
		profile["email"] = u.Email
	}
	o := reply{
		"id":          u.ID,
		"team_id":     u.TeamID,
		"name":        u.Name,
		"real_name":   u.RealName,
		"deleted":     u.Deleted,
		"is_bot":      u.IsBot,
		"is_app_user": false,
		"tz":          "Etc/UTC",
		"tz_offset":   u.TZOffset,
		"profile":     profile,
	}
	flags := map[string]bool{
		"is_admin":            u.IsAdmin,
		"is_restricted":       u.IsRestricted,
		"is_ultra_restricted": u.IsUltraRestricted,
		"is_stranger":         u.IsStranger,
	}
	for name, is := range flags {
		if is {
			o[name] = true
		}
	}
	if u.ID == w.cfg.App.BotUserID {
		profile["bot_id"], profile["api_app_id"] = w.cfg.App.BotID, w.cfg.App.ID
	}
	return o
}

func userInfo(c *call) (reply, error) {
	if err := c.required("user"); err != nil {
		return nil, err
	}
	u := c.w.users[c.args.str("user")]
	if u == nil {
		return nil, fail("user_not_found")
	}
	return reply{"user": c.w.userObject(u)}, nil
}

func listUsers(c *call) (reply, error) {
	ids := make([]string, 0, len(c.w.users))
	for id := range c.w.users {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	page, next, err := paged(c, ids, 1000)
	if err != nil {
		return nil, err
	}
	members := []reply{}
	for _, id := range page {
		members = append(members, c.w.userObject(c.w.users[id]))
	}
	return reply{"members": members, "cache_ts": 0, "response_metadata": reply{"next_cursor": next}}, nil
}

func listUserGroups(c *call) (reply, error) {
	if c.w.cfg.FreePlan {
		return nil, fail("plan_upgrade_required")
	}
	groups := []reply{}
	for _, g := range c.w.cfg.UserGroups {
		if g.Disabled && !c.args.boolean("include_disabled") {
			continue
		}
		o := reply{
			"id":           g.ID,
			"team_id":      c.w.cfg.Team.ID,
			"is_usergroup": true,
			"name":         g.Name,
			"handle":       g.Handle,
			"date_delete":  0,
			"user_count":   len(g.Users),
			"updated_by":   g.UpdatedBy,
		}
		if g.Disabled {
			o["date_delete"] = 1
		}
		if c.args.boolean("include_users") {
			o["users"] = append([]string{}, g.Users...)
		}
		groups = append(groups, o)
	}
	return reply{"usergroups": groups}, nil
}

func listUserGroupUsers(c *call) (reply, error) {
	if c.w.cfg.FreePlan {
		return nil, fail("plan_upgrade_required")
	}
	for _, g := range c.w.cfg.UserGroups {
		if g.ID == c.args.str("usergroup") && (!g.Disabled || c.args.boolean("include_disabled")) {
			return reply{"users": append([]string{}, g.Users...)}, nil
		}
	}
	return nil, fail("no_such_subteam")
}
