'use strict'
// The server renders the page. This script asks for it again when the server says that something
// has changed, and replaces what differs. Focus, scroll positions and unsent texts stay.

const $ = (selector, from = document) => from.querySelector(selector)
const body = document.body

// own are the attributes that only this script sets.
const own = ['open', 'aria-busy', 'aria-expanded', 'aria-activedescendant']

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

const logs = () => document.querySelectorAll('[role=log]')
const atEnd = log => log.scrollHeight - log.scrollTop - log.clientHeight < 40
const topOf = element => element.getBoundingClientRect().top
const newestIn = log => $(':scope > article:last-of-type', log)?.id

// seen hides or shows the button that leads to messages below those that the person has seen.
function seen(log) {
  const newest = newestIn(log)
  if (atEnd(log)) log.newest = newest
  $('#newer-' + log.id).hidden = log.newest === newest
}

// trail are the ids of an element and of all that it is in.
function trail(element) {
  const ids = []
  for (; element; element = element.parentElement) if (element.id) ids.push(element.id)
  return ids
}

// back moves the focus to the nearest element of a trail that is still there.
function back(ids) {
  const near = ids.map(id => document.getElementById(id))
    .find(e => e?.matches('a, button, input, textarea, select, [tabindex]'))
  ;(near || $('#write') || $('#home'))?.focus({ preventScroll: true })
}

// show draws a new version of the page.
function show(html) {
  const next = new DOMParser().parseFromString(html, 'text/html')
  // A log that was scrolled away from its end stays at the message that is at its top.
  const places = [...logs()].map(log => {
    const first = !atEnd(log) && [...log.children].find(c => c.getBoundingClientRect().bottom > topOf(log))
    return { log, first, offset: first && topOf(first) }
  })
  const before = document.activeElement, ids = before.closest('dialog')?.origin || trail(before)
  document.title = next.title
  morph(body, next.body)
  arrangeAll()
  front()
  for (const log of logs()) {
    const { first, offset } = places.find(place => place.log === log) || {}
    if (first?.isConnected) log.scrollTop += topOf(first) - offset
    else log.scrollTop = log.scrollHeight
    seen(log)
  }
  if (before === body || document.activeElement !== body) return // the focus stayed, or is in a new view
  const dialog = [...document.querySelectorAll('dialog[open]')].at(-1)
  if (dialog) $('.scroll-area', dialog)?.focus()
  else back(ids)
}

// arranged is how the person sorted, filtered and turned each data table. A table is known by the
// message or view that it is in, and by its number there.
const arranged = new Map()
const keyOf = table => table.closest('[id]').id + '/' + table.dataset.table

// arrange shows the rows of a data table that the person asked for.
function arrange(table, change) {
  const how = { filter: '', column: -1, descending: false, page: 0, ...arranged.get(keyOf(table)), ...change }
  const rows = [...$('tbody', table).rows], size = Number(table.dataset.size)
  const cellOf = row => row.cells[how.column]
  rows.sort((a, b) => a.dataset.n - b.dataset.n)
  if (how.column >= 0) {
    if (rows.every(row => cellOf(row).dataset.value))
      rows.sort((a, b) => cellOf(a).dataset.value - cellOf(b).dataset.value)
    else rows.sort((a, b) => cellOf(a).textContent.localeCompare(cellOf(b).textContent))
    if (how.descending) rows.reverse()
  }
  const found = rows.filter(row => row.textContent.toLowerCase().includes(how.filter.toLowerCase()))
  const pages = Math.max(1, Math.ceil(found.length / size))
  how.page = Math.min(Math.max(how.page, 0), pages - 1)
  arranged.set(keyOf(table), how)
  const shown = found.slice(how.page * size, (how.page + 1) * size)
  for (const row of rows) row.hidden = !shown.includes(row)
  $('tbody', table).append(...rows)
  for (const [i, header] of [...$('thead tr', table).cells].entries())
    if (i === how.column) header.setAttribute('aria-sort', how.descending ? 'descending' : 'ascending')
    else header.removeAttribute('aria-sort')
  const [before, after] = table.querySelectorAll('[data-turn]'), first = how.page * size + 1
  before.hidden = after.hidden = pages === 1
  before.setAttribute('aria-disabled', how.page === 0)
  after.setAttribute('aria-disabled', how.page === pages - 1)
  const status = $('[role=status]', table)
  const says = found.length ? `${first} to ${first + shown.length - 1} of ${found.length}` : 'No row has this text.'
  if (status.textContent !== says) status.textContent = says // a screen reader reads it at each change
}

function arrangeAll() {
  for (const table of document.querySelectorAll('.datatable')) arrange(table)
}

// rearrange sorts by a column or turns the page.
function rearrange(table, { sort, turn }) {
  const { column, descending, page } = arranged.get(keyOf(table))
  if (turn) arrange(table, { page: page + Number(turn) })
  else arrange(table, { column: Number(sort), descending: column === Number(sort) && !descending, page: 0 })
}

// front opens new views, the newest last, at their first empty input.
function front() {
  for (const dialog of document.querySelectorAll('dialog[data-view]'))
    if (!dialog.open) {
      const from = document.activeElement
      dialog.origin = from.closest('dialog')?.origin || trail(from)
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

// failures say what errors of Slack mean.
const failures = {
  dispatch_failed: 'Slack could not reach the app: it is not connected (dispatch_failed). Try again in a moment.',
  operation_timeout: 'The app did not answer Slack within three seconds (operation_timeout). Try again in a moment.',
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
    say(failures[outcome.error] || outcome.error || '')
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

// decide closes the confirmation dialog with an answer to its question. The event that a dialog was
// closed comes later, maybe when the next question is shown already, which must stay open then.
let decide = () => {}

// confirmed asks the question of an element's confirmation dialog, if it has one.
function confirmed(element) {
  const ask = element.dataset
  if (ask.confirmTitle === undefined) return Promise.resolve(true)
  const dialog = $('#confirm'), [no, yes] = dialog.querySelectorAll('button')
  $('#confirm-title').textContent = ask.confirmTitle
  $('#confirm-text').textContent = ask.confirmText
  no.textContent = ask.confirmDeny || 'Cancel'
  yes.textContent = ask.confirmConfirm
  dialog.showModal()
  return new Promise(resolve => decide = agreed => {
    dialog.close()
    resolve(agreed)
  })
}

$('#confirm').addEventListener('close', () => { if (!$('#confirm').open) decide(false) })

// menu shows or hides the navigation on a narrow screen.
function menu(open) {
  document.documentElement.classList.toggle('menu-open', open)
  $('#menu').setAttribute('aria-expanded', open)
}

let thread = ''

async function go(url) {
  history.pushState(null, '', url)
  menu(false)
  await draw()
  arrive(true)
}

// arrive shows a thread that was opened from its first message that waits for the person, and
// tells the app when its Home tab was opened.
function arrive(focus) {
  const opened = new URLSearchParams(location.search).get('thread') || ''
  const first = $('#replies [data-waits]'), log = $('#replies')
  if (opened !== thread && log) {
    if (first) log.scrollTop += topOf(first) - topOf(log)
    else log.scrollTop = log.scrollHeight
    log.newest = newestIn(log)
    seen(log)
    if (focus) (first || log).focus({ preventScroll: true })
  }
  thread = opened
  if ('home' in body.dataset) act({ do: 'home' })
}

body.addEventListener('scroll', event => { if (event.target.role === 'log') seen(event.target) }, true)

// follow opens a link: to a message or a site of this world here, and to anything else in another window.
async function follow(url) {
  const here = new URLSearchParams(location.search)
  const [, channel, ts, rest] = /^\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(url.pathname) || []
  if (channel) {
    here.set('channel', channel)
    here.set('thread', url.searchParams.get('thread_ts') || ts + '.' + rest)
    here.delete('view')
  } else if ((await fetch('/site/' + url.host + '/', { method: 'HEAD' })).ok) here.set('world', 'site')
  else return void open(url, '_blank', 'noopener')
  go('?' + here)
}

body.addEventListener('click', async event => {
  const link = event.target.closest('a[data-nav]')
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault()
    return go(link.href)
  }
  const elsewhere = event.target.closest('a[href^=http]')
  if (elsewhere) {
    event.preventDefault()
    return follow(new URL(elsewhere.href))
  }
  const option = event.target.closest('#commands [role=option]')
  if (option) return complete(option)
  const button = event.target.closest('button')
  if (!button) return
  if (button.dataset.log) {
    const log = document.getElementById(button.dataset.log)
    log.scrollTop = log.scrollHeight
    log.focus()
  } else if (button.id === 'menu') menu(button.getAttribute('aria-expanded') !== 'true')
  else if (button.closest('#confirm')) decide(button.value === 'yes')
  else if (button.dataset.do === 'close') act({ do: 'close', ...place(button) })
  else if (button.dataset.break) {
    button.setAttribute('aria-busy', 'true')
    const answer = await fetch('/break/' + button.dataset.break, { method: 'POST' })
    button.removeAttribute('aria-busy')
    if (!answer.ok) say(await answer.text())
    draw()
  } else if (button.closest('.datatable')) rearrange(button.closest('.datatable'), button.dataset)
  else if (button.dataset.target) {
    // The message may be gone when the question is answered.
    const action = { do: 'press', ...place(button), target: button.dataset.target }
    if (!await confirmed(button)) return
    button.setAttribute('aria-busy', 'true')
    await act(action)
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
  const action = { do: 'fill', ...place(input), target: input.dataset.target, values: values(input) }
  if (!await confirmed(input)) return draw()
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
  if (input.id === 'write') offer(input)
  if (input.closest('.datatable')) arrange(input.closest('.datatable'), { filter: input.value, page: 0 })
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
  if (input.id === 'write') offer(input)
  act({ do: 'type', channel: form.dataset.channel, thread: form.dataset.thread, text })
})

const commands = () => [...document.querySelectorAll('#commands [role=option]')]

// offer lists the commands that begin with what was typed.
function offer(input) {
  const list = $('#commands'), begun = input.value.startsWith('/') ? input.value.trimStart() : ''
  for (const option of commands())
    option.hidden = !begun || !option.dataset.text.startsWith(begun) || option.dataset.text === begun
  list.hidden = commands().every(option => option.hidden)
  choose(input, null)
}

// choose marks an option of the list, which the arrows move along.
function choose(input, option) {
  for (const one of commands()) one.setAttribute('aria-selected', one === option)
  input.setAttribute('aria-expanded', !$('#commands').hidden)
  input.setAttribute('aria-activedescendant', option?.id || '')
  option?.scrollIntoView({ block: 'nearest' })
}

function complete(option) {
  const input = $('#write')
  input.value = option.dataset.text
  input.focus()
  offer(input)
}

body.addEventListener('focusout', event => {
  if (event.target.id === 'write') setTimeout(() => { if ($('#commands')) $('#commands').hidden = true }, 200)
})

// The arrows choose a command from the list, or recall what was sent before.
body.addEventListener('keydown', event => {
  const input = event.target
  if (!input.matches?.('.composer input')) return
  const up = event.key === 'ArrowUp', down = event.key === 'ArrowDown'
  const shown = input.id === 'write' && !$('#commands').hidden ? commands().filter(option => !option.hidden) : []
  const at = shown.findIndex(option => option.getAttribute('aria-selected') === 'true')
  if (shown.length && (up || down)) choose(input, shown.at((at + (up ? at < 0 ? 0 : -1 : 1)) % shown.length))
  else if (shown.length && event.key === 'Escape') { $('#commands').hidden = true; choose(input, null) }
  else if (shown[at] && (event.key === 'Enter' || event.key === 'Tab')) complete(shown[at])
  else if ((up || down) && (!input.value || input.value === typed[recalled])) {
    recalled = Math.max(0, Math.min(typed.length, recalled + (up ? -1 : 1)))
    input.value = typed[recalled] || ''
  } else return
  event.preventDefault()
})

addEventListener('popstate', async () => {
  await draw()
  arrive()
})

// A browser has six connections to a server, so one of its windows listens for all of them.
const news = new BroadcastChannel('live')
news.onmessage = event => hear(event.data)

function hear({ lost }) {
  $('#lost').hidden = !lost
  if (!lost) draw()
}

function tell(what) {
  hear(what)
  news.postMessage(what)
}

let live
function listen() {
  live = new EventSource('/live')
  live.onmessage = () => tell({ lost: false })
  live.onerror = () => {
    tell({ lost: true })
    // The browser gives up after an answer that is no stream.
    if (live.readyState === EventSource.CLOSED) setTimeout(listen, 1000)
  }
}

arrangeAll()
for (const log of logs()) log.scrollTop = log.scrollHeight
front()
arrive()
for (const log of logs()) seen(log)
// On a phone, the focus would open the keyboard.
if (document.activeElement === body && innerWidth > 760) ($('#starter') || $('#write'))?.focus()
// Since the server rendered this page, news may have come before the window heard of it.
draw()
// The lock passes on when the window that has it is closed.
navigator.locks.request('live', () => {
  listen()
  return new Promise(() => {})
})
