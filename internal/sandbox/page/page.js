'use strict'
// The server renders the page. This script asks for it again when the server says that something
// has changed, and replaces what differs. Focus, scroll positions and unsent texts stay.

const $ = (selector, from = document) => from.querySelector(selector)
const body = document.body

// own are the attributes that only this script sets.
const own = ['open', 'aria-busy', 'aria-expanded']

// morph makes the node a like b. Children with ids are recognized by them.
function morph(a, b) {
  if (a.nodeType !== b.nodeType || a.nodeName !== b.nodeName || a.id !== b.id) return a.replaceWith(b)
  if (a.nodeType !== Node.ELEMENT_NODE) {
    if (a.data !== b.data) a.data = b.data
    return
  }
  if ('keep' in a.dataset) return
  for (const { name } of [...a.attributes])
    if (!b.hasAttribute(name) && !own.includes(name)) {
      a.removeAttribute(name)
      if (name === 'checked') a.checked = false
      if (name === 'selected') a.selected = false
    }
  for (const { name, value } of b.attributes) {
    if (a.getAttribute(name) === value || own.includes(name)) continue
    a.setAttribute(name, value)
    if (a === document.activeElement) continue
    if (name === 'value' && a.matches('input:not([type=file])')) a.value = value
    if (name === 'checked') a.checked = true
    if (name === 'selected') a.selected = true
  }
  if (a.matches('textarea')) {
    if (a.defaultValue !== b.defaultValue) {
      a.defaultValue = b.defaultValue
      if (a !== document.activeElement) a.value = b.defaultValue
    }
    return
  }
  const keyed = new Map([...a.children].filter(c => c.id).map(c => [c.id, c]))
  let at = a.firstChild
  for (const next of [...b.childNodes]) {
    const same = next.id && keyed.get(next.id)
    if (same) {
      if (same === at) at = at.nextSibling
      else a.insertBefore(same, at)
      morph(same, next)
    } else if (!next.id && at && !at.id && at.nodeName === next.nodeName) {
      const following = at.nextSibling
      morph(at, next)
      at = following
    } else a.insertBefore(next, at)
  }
  while (at) {
    const following = at.nextSibling
    at.remove()
    at = following
  }
}

// show draws a new version of the page.
function show(html) {
  const next = new DOMParser().parseFromString(html, 'text/html')
  // A log that was scrolled away from its end stays where it is.
  const away = new Set([...document.querySelectorAll('[role=log]')]
    .filter(log => log.scrollHeight - log.scrollTop - log.clientHeight > 40).map(log => log.id))
  const before = document.activeElement
  document.title = next.title
  morph(body, next.body)
  front()
  for (const log of document.querySelectorAll('[role=log]')) if (!away.has(log.id)) log.scrollTop = log.scrollHeight
  if (before && !before.isConnected && before !== body && !$('dialog[open]')) $('#reply, #write')?.focus()
}

// front opens new views, the newest last, at their first empty input.
function front() {
  for (const dialog of document.querySelectorAll('dialog[data-view]'))
    if (!dialog.open) {
      dialog.showModal()
      ;($(':is(input, textarea):placeholder-shown', dialog) || $('input, select, textarea', dialog))?.focus()
    }
}

let drawing = null, again = false
// draw asks for the page, once at a time, and ends when the newest one is shown.
function draw() {
  again = true
  return drawing ??= redraw().finally(() => drawing = null)
}

async function redraw() {
  try {
    while (again) {
      again = false
      const asked = location.href
      const answer = await fetch(asked)
      const html = await answer.text()
      if (!answer.ok) say(html)
      else if (asked === location.href) show(html)
      else again = true
    }
  } catch { /* The live stream shows that the connection is lost, and draws when it is back. */ }
}

let fading
// say shows what Slack would show in place of the app.
function say(text) {
  $('#said').textContent = text
  clearTimeout(fading)
  if (text) fading = setTimeout(() => say(''), 12000)
}

let queue = Promise.resolve()
// act lets the person do something, after what was done before.
function act(action) {
  const done = queue.then(async () => {
    const answer = await fetch('/act', { method: 'POST', body: JSON.stringify({ user: body.dataset.user, ...action }) })
    return answer.ok ? answer.json() : { error: await answer.text() }
  }).catch(problem => ({ error: 'The workspace cannot be reached: ' + problem.message }))
  queue = done
  return done.then(outcome => {
    say(outcome.error || '')
    if (outcome.url) open(outcome.url, '_blank', 'noopener')
    draw()
    return outcome
  })
}

// place is the message or the view that an element is in.
function place(element) {
  const at = element.closest('[data-view], [data-message]').dataset
  return at.view ? { view: at.view } : { channel: at.channel, message: at.message }
}

// confirmed asks the question of an element's confirmation dialog, if it has one.
function confirmed(element) {
  const ask = element.dataset
  if (ask.confirmTitle === undefined) return Promise.resolve(true)
  const dialog = $('#confirm'), [no, yes] = dialog.querySelectorAll('button')
  $('#confirm-title').textContent = ask.confirmTitle
  $('#confirm-text').textContent = ask.confirmText
  no.textContent = ask.confirmDeny || 'Cancel'
  yes.textContent = ask.confirmConfirm
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise(answer => dialog.addEventListener('close', () => answer(dialog.returnValue === 'yes'), { once: true }))
}

// menu shows or hides the navigation on a narrow screen.
function menu(open) {
  document.documentElement.classList.toggle('menu-open', open)
  $('#menu').setAttribute('aria-expanded', open)
}

function go(url) {
  history.pushState(null, '', url)
  menu(false)
  draw().then(arrive)
}

// arrive tells the app when its Home tab was opened.
function arrive() {
  if ('home' in body.dataset) act({ do: 'home' })
}

body.addEventListener('click', async event => {
  const link = event.target.closest('a[data-nav]')
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault()
    return go(link.href)
  }
  const button = event.target.closest('button')
  if (!button) return
  if (button.id === 'menu') menu(button.getAttribute('aria-expanded') !== 'true')
  else if (button.closest('#confirm')) $('#confirm').close(button.value)
  else if (button.dataset.do === 'close') act({ do: 'close', ...place(button) })
  else if (button.dataset.break) {
    const answer = await fetch('/break/' + button.dataset.break, { method: 'POST' })
    say(await answer.text())
    draw()
  } else if (button.dataset.target && await confirmed(button)) {
    button.setAttribute('aria-busy', 'true')
    await act({ do: 'press', ...place(button), target: button.dataset.target })
    button.removeAttribute('aria-busy')
  }
})

// values are what is entered or chosen in an element.
function values(input) {
  const kind = input.dataset.kind
  if (kind === 'checkboxes' || kind === 'radio_buttons')
    return [...document.getElementsByName(input.name)].filter(i => i.checked).map(i => i.value)
  if (input.selectedOptions) return [...input.selectedOptions].map(o => o.value).filter(v => v)
  if (kind === 'datetimepicker') return input.value ? [String(Date.parse(input.value + 'Z') / 1000)] : ['']
  if (kind.endsWith('external_select')) return input.value ? [input.value] : []
  return input.value.split('\n')
}

async function attached(input) {
  return Promise.all([...input.files].map(async file => {
    const bytes = new Uint8Array(await file.arrayBuffer())
    let text = ''
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
    return { name: file.name, title: file.name, data: btoa(text) }
  }))
}

body.addEventListener('change', async event => {
  const input = event.target
  if (!input.dataset.target) return
  if (!await confirmed(input)) return draw()
  const action = { do: 'fill', ...place(input), target: input.dataset.target, values: values(input) }
  if (input.type === 'file') {
    // What is pressed next waits until the files are read.
    const reading = attached(input)
    queue = queue.then(() => reading)
    action.files = await reading
    action.values = []
  }
  act(action)
  if (input.dataset.kind === 'overflow') input.value = ''
})

let suggesting
// An external select asks the app for options while a person types.
body.addEventListener('input', event => {
  const input = event.target
  if (!input.dataset.kind?.endsWith('external_select')) return
  const list = input.list
  if (input.value.length < Number(input.dataset.least) || [...list.options].some(o => o.value === input.value)) return
  clearTimeout(suggesting)
  suggesting = setTimeout(async () => {
    const found = await act({ do: 'suggest', ...place(input), target: input.dataset.target, values: [input.value] })
    list.replaceChildren(...(found.options || []).map(o => new Option(o, o)))
  }, 200)
})

// Esc closes a view, and the app is told of it.
body.addEventListener('cancel', event => {
  if (!event.target.dataset?.view) return
  event.preventDefault()
  act({ do: 'close', ...place(event.target) })
}, true)

const typed = JSON.parse(sessionStorage.getItem('typed') || '[]')
let recalled = typed.length

body.addEventListener('submit', async event => {
  event.preventDefault()
  const form = event.target, view = form.closest('[data-view]')
  if (view) {
    const outcome = await act({ do: 'submit', view: view.dataset.view })
    if (!outcome.errors) return
    await draw()
    $('[aria-invalid]', view)?.focus()
    return
  }
  const input = $('input', form)
  const text = (form.dataset.command ? form.dataset.command + ' ' : '') + input.value.trim()
  if (!input.value.trim()) return
  typed.push(text)
  recalled = typed.length
  sessionStorage.setItem('typed', JSON.stringify(typed.slice(-50)))
  if (!form.dataset.command) input.value = ''
  act({ do: 'type', channel: form.dataset.channel, thread: form.dataset.thread, text })
})

// The arrows recall what was sent before.
body.addEventListener('keydown', event => {
  const input = event.target
  const up = event.key === 'ArrowUp', down = event.key === 'ArrowDown'
  if (!input.matches?.('.composer input') || !up && !down) return
  if (input.value && input.value !== typed[recalled]) return
  recalled = Math.max(0, Math.min(typed.length, recalled + (up ? -1 : 1)))
  input.value = typed[recalled] || ''
  event.preventDefault()
})

addEventListener('popstate', draw)

let live
function listen() {
  live = new EventSource('/live')
  live.onmessage = () => { $('#lost').hidden = true; draw() }
  live.onerror = () => {
    $('#lost').hidden = false
    // The browser gives up after an answer that is no stream.
    if (live.readyState === EventSource.CLOSED) setTimeout(listen, 1000)
  }
}

for (const log of document.querySelectorAll('[role=log]')) log.scrollTop = log.scrollHeight
front()
arrive()
listen()
