package visible

import "testing"

// TestExact writes what an attacker would hide, and what people write every day.
func TestExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain\ttext\n": "plain\ttext\n", "ñ – 日本 😀 Ж": "ñ – 日本 😀 Ж", "a\u202eb": `a\u202eb`, "\xff": `\xff`,
		// Default-ignorable and blank characters.
		"a\u00adb": `a\u00adb`, "a\u034fb": `a\u034fb`, "a\u115fb": `a\u115fb`, "a\u1160b": `a\u1160b`,
		"a\u17b4b": `a\u17b4b`, "a\u180bb": `a\u180bb`, "a\u200bb": `a\u200bb`, "a\u2060b": `a\u2060b`,
		"a\u2800b": `a\u2800b`, "a\u3164b": `a\u3164b`, "a\ufe00b": `a\ufe00b`, "a\ufeffb": `a\ufeffb`,
		"a\uffa0b": `a\uffa0b`, "a\U0001d159b": `a\U0001d159b`, "a\U000e0100b": `a\U000e0100b`,
		"a\U000e0041b": `a\U000e0041b`, "a\u00a0b": `a\u00a0b`, "a\u3000b": `a\u3000b`, "a\u2028b": `a\u2028b`,
		"a\u0085b": `a\u0085b`, "a\rb": `a\u000db`, "a\vb": `a\u000bb`,
		// What looks like something else.
		"p\u0430ypal": `p\u0430ypal`, "\u0420\u0443\u0441\u0441\u043a\u0438\u0439": "Русский",
		"e\u0301": `e\u0301`, "\u212a": `\u212a`, "=\u0338": `=\u0338`, "x\u0304": "x\u0304",
		"Z\u0300\u0301\u0302\u0303": "Z\u0300\u0301\u0302" + `\u0303`, "b\u20dd": `b\u20dd`,
		// An escape and the text of one read differently.
		`\u200b`: `\x5cu200b`, `\.php$`: `\.php$`, `\usr`: `\usr`,
		// Emoji stay.
		"👩\u200d👧 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3": "👩\u200d👧 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3",
		"mer\u200dche": `mer\u200dche`, "👩\u200d": `👩\u200d`, "日本a": "日本a",
	} {
		if got := Exact(text); got != want {
			t.Errorf("%+q shows as %q, want %q", text, got, want)
		}
		if once := Text(text); Text(once) != once {
			t.Errorf("%+q changes when it is escaped again: %q", text, Text(once))
		}
	}
	for text, want := range map[string]string{"a\n\tb\r": `a\n\tb\u000d`, `a\nb`: `a\x5cnb`, `\.php`: `\.php`} {
		if got := Line(text); got != want {
			t.Errorf("%+q in a line shows as %q, want %q", text, got, want)
		}
	}
}

func TestUnseen(t *testing.T) {
	t.Parallel()
	for text, unseen := range map[string]bool{
		"Merche Biche": false, "Zoë 👩\u200d👧 ❤\ufe0f": false, "می\u200cخواهم": false, "क्\u200dष": false,
		"Mer\u200cche": true, "Мер\u200dче": true, "Merche\u3164": true, "Merche\u2800": true, "a\u00a0b": true,
		"👩\u200d": true, "a\u034f": true,
	} {
		if _, found := Unseen(text); found != unseen {
			t.Errorf("%+q: %v, want %v", text, found, unseen)
		}
	}
}

func TestMixedAndDisguised(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Merche Мария": "", "M\u0435rche": "M\u0435rche", "ΑΒC": "ΑΒC", "Tシャツ": "", "Zoë-Мария": "", "Мария2": "",
	} {
		if got := Mixed(text); got != want {
			t.Errorf("%+q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"Merche": "", "\U0001d40cerche": "M", "Ｍerche": "M", "Zoë": "", "日本": "",
	} {
		if _, got := Disguised(text); got != want {
			t.Errorf("%+q: %q, want %q", text, got, want)
		}
	}
}
