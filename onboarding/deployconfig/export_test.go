package deployconfig

// FirstWord is the name of a source's first directive.
func FirstWord(src []byte) (string, error) {
	conf, err := parseNginx(src)
	if err != nil || len(conf.directives) == 0 {
		return "", err
	}
	return conf.directives[0].name(), nil
}
