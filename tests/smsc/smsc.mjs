// A real SMSC, as good or as bad as a test wants it. It prints its two ports, that of SMPP and that of its control over
// HTTP, and ends when its standard input does.
//
// Control, in JSON: POST /set alters `state`; POST /bring brings texts and receipts to the engine, and is answered when all
// are taken; POST /act does something to all links at once, /act_on_first to that by which it brings texts; GET /seen says
// what it saw.
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import smpp from 'smpp'

const state = {
  // What binds are refused with; 0: they are taken, if the password is right.
  bind_status: 0,
  // Binds are not answered.
  silent_binds: false,
  // Octets in hexadecimal that go out in one write with the answer to a bind.
  with_bind: '',
  // Whoever is bound is thrown out at once.
  kicks: false,
  // It hears nothing but binds, and answers nothing.
  deaf: false,
  // What was `held` is answered now.
  released: false,
  // What it does with the next submits, one each: see `submitted`.
  manners: [],
  // How bad it is with the others, in the words of the engine's own simulator.
  knobs: {},
  // How ids are written in answers and in receipts: `hex`, `decimal` or `padded`.
  ids: { answer: 'hex', receipt: 'hex' },
  // What receipts have: parameters, words or both; and whether they come on another link than the text went by.
  receipts: { tlv: true, text: true, on_another: false }
}
const seen = {
  // The statuses with which binds were answered; null: not at all.
  binds: [],
  // When they were, in milliseconds.
  bound_at: [],
  // Each submit_sm, octets in hexadecimal.
  submits: [],
  // All other PDUs of the engine's: their commands and statuses.
  others: [],
  // What phones received: number, text, time.
  phones: []
}
const links = []
const events = new EventEmitter().setMaxListeners(0)
let messages = 0x1a2b
let linksSoFar = 0

// The library gives what it has decoded; this keeps the octets as well.
smpp.PDU.fromStream = (stream, length) => {
  const rest = stream.read(length - 4)
  if (!rest) return false
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length)
  const raw = Buffer.concat([head, rest])
  return Object.assign(new smpp.PDU(raw), { raw })
}

const server = smpp.createServer((link) => {
  link.number = linksSoFar++
  // Each delivery that waits for its answer is one.
  link.setMaxListeners(0)
  link.on('error', () => link.destroy())
  link.on('close', () => {
    if (links.includes(link)) links.splice(links.indexOf(link), 1)
  })
  link.on('pdu', (pdu) => {
    if (isDeaf(link) && pdu.command !== 'bind_transceiver') return
    if (pdu.command === 'submit_sm') return submitted(link, pdu)
    seen.others.push({ command: pdu.command, status: pdu.command_status, link: link.number })
    if (pdu.command === 'bind_transceiver') return bound(link, pdu)
    if (pdu.command === 'unbind') return link.send(pdu.response(), () => link.close())
    if (!pdu.isResponse()) link.send(pdu.response())
  })
})

function isDeaf(link) {
  return state.deaf || link.isDeaf
}

function bound(link, pdu) {
  const isUs = pdu.system_id === 'partyline' && pdu.password === 'secret'
  const status = state.bind_status || (isUs ? 0 : smpp.errors.ESME_RINVPASWD)
  seen.binds.push(state.silent_binds ? null : status)
  seen.bound_at.push(performance.now())
  if (state.silent_binds) return
  const answer = pdu.response({ command_status: status, system_id: 'smsc' })
  link.socket.write(Buffer.concat([answer.toBuffer(), Buffer.from(state.with_bind, 'hex')]), () => {
    if (status || state.kicks) return link.close()
    links.push(link)
    events.emit('bound')
  })
}

// A manner may have: `status`, which it refuses with; `delay_ms`, half of it before the phone gets the text, half after;
// `held`, it is not answered before that is `released`; `lost`, it is not even delivered; `early`, its receipt comes before its answer; `then`, what happens to the link instead of
// (`silent`) or before an answer: `reset`, `unbind`, or octets in hexadecimal; `stat`, what its receipt says.
async function submitted(link, pdu) {
  const submit = { ...fields(pdu.raw), link: link.number, answered: null, receipts_done: false }
  seen.submits.push(submit)
  const number = submit.to.text
  const manner = state.manners.shift() ?? byKnobs(seen.submits.length, number)
  await sleep((manner.delay_ms ?? 0) / 2)
  const answer = (status, id) => {
    submit.answered = status
    link.send(pdu.response({ command_status: status, message_id: id }))
  }
  if (manner.status) return answer(manner.status)
  const id = ++messages
  if (!manner.lost) delivered(submit, pdu.short_message.message)
  if (manner.early) await receipts(link, submit, id, manner)
  await sleep((manner.delay_ms ?? 0) / 2)
  if (manner.held && !state.released) await once(events, 'released')
  if (manner.then) act(link, manner.then)
  if (!manner.silent) answer(0, written(id, state.ids.answer))
  if (!manner.early) await receipts(link, submit, id, manner)
}

function byKnobs(nth, number) {
  const { delay_ms, throttle_every, fail_every, lose_answer_every } = state.knobs
  const oneOf = (every) => every > 0 && nth % every === 0
  if (oneOf(throttle_every)) return { delay_ms, status: smpp.errors.ESME_RTHROTTLED }
  if (oneOf(fail_every) || number.endsWith('0000')) return { delay_ms, status: smpp.errors.ESME_RINVDSTADR }
  return { delay_ms, silent: oneOf(lose_answer_every) }
}

// A phone shows a long text when it has all parts. The parts are kept as the library has decoded them.
const parts = new Map()
function delivered({ from, to, octets, esm_class }, text) {
  const number = `+${to.text}`
  const show = (whole) => seen.phones.push({ number, text: whole, at: new Date().toISOString() })
  if (!(esm_class & 0x40)) return show(text)
  const [reference, total, part] = Buffer.from(octets, 'hex').subarray(3, 6)
  const key = [from.text, number, reference, total].join()
  const have = parts.get(key) ?? {}
  have[part] = text
  parts.set(key, have)
  if (Object.keys(have).length < total) return
  parts.delete(key)
  show(Object.values(have).join(''))
}

// As the knobs say: on its way, then at the phone.
async function receipts(link, submit, id, { stat = 'DELIVRD' }) {
  const { silent, reorder, receipts: times, receipt_delay_ms: delay } = state.knobs
  const { tlv, text, on_another } = state.receipts
  const name = written(id, state.ids.receipt)
  const states = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, UNDELIV: 5, REJECTD: 8 }
  const isWanted = !silent && submit.registered_delivery
  const stages = !isWanted ? [] : reorder ? [stat, 'ENROUTE'] : ['ENROUTE', stat]
  for (const stage of stages) {
    await sleep(delay ?? 0)
    const says = `id:${name} sub:001 dlvrd:001 submit date:2604011200 done date:2604011201 stat:${stage} err:000 text:`
    const receipt = {
      ...address('source_addr', submit.to),
      ...address('destination_addr', submit.from),
      esm_class: stage === 'ENROUTE' ? 0x20 : 0x04,
      data_coding: 0,
      short_message: text ? Buffer.from(says, 'latin1') : Buffer.alloc(0),
      ...(tlv && { receipted_message_id: name, message_state: states[stage] })
    }
    const which = on_another ? (l) => l !== link : () => true
    for (let n = 0; n < (times || 1); n++) await taken(receipt, which)
  }
  submit.receipts_done = true
}

function written(id, how) {
  if (how === 'hex') return id.toString(16).toUpperCase()
  return how === 'padded' ? id.toString().padStart(10, '0') : id.toString()
}

// Brings something until the engine takes it: again a little later if it can't now, and after the next bind if it did not
// answer. Over one link only it gives up with that. Answers how it was answered each time; null: not at all.
async function taken(deliver, which = () => true, only) {
  const answers = []
  for (;;) {
    const link = only ?? links.find(which)
    if (!links.includes(link)) {
      if (only) return [...answers, null]
      await once(events, 'bound')
      continue
    }
    const status = await new Promise((answered) => {
      const closed = () => answered(null)
      link.once('close', closed)
      const heard = (pdu) => {
        if (isDeaf(link)) return
        link.off('close', closed)
        answered(pdu.command_status)
      }
      if (!link.deliver_sm(deliver, heard)) answered(null)
    })
    answers.push(status)
    if (status === 0 || (status === null && only)) return answers
    // The more often, the later.
    await sleep(Math.min(20 * answers.length, 500))
  }
}

// Brings a text, if it says so over one link and no other: its place among those that are bound.
function brought({ over, ...text }) {
  const only = over === undefined ? undefined : links[over]
  if (over !== undefined && !only) throw new Error(`there is no link ${over}`)
  return taken(deliver(text), undefined, only)
}

// A text as people write it, or fields as they go over the wire, octets in hexadecimal.
function deliver({ from, to, text, octets, payload, ...rest }) {
  const isGsm = text !== undefined && smpp.encodings.ASCII.match(text)
  const encoded = text !== undefined && smpp.encodings[isGsm ? 'ASCII' : 'UCS2'].encode(text)
  const isLong = encoded && encoded.length > 254
  return {
    ...address('source_addr', party(from)),
    ...address('destination_addr', party(to)),
    esm_class: 0,
    data_coding: text === undefined || isGsm ? 0 : 8,
    short_message: isLong || !encoded ? Buffer.from(octets ?? '', 'hex') : encoded,
    ...(isLong && { message_payload: encoded }),
    ...(payload && { message_payload: Buffer.from(payload, 'hex') }),
    ...rest
  }
}

function party(who) {
  if (typeof who !== 'string') return who
  if (who.startsWith('+')) return { ton: 1, npi: 1, text: who.slice(1) }
  return /^\d+$/.test(who) ? { ton: 3, npi: 0, text: who } : { ton: 5, npi: 0, text: who }
}

function address(field, { ton, npi, text }) {
  const short = field.replace('destination', 'dest')
  return { [`${short}_ton`]: ton, [`${short}_npi`]: npi, [field]: text }
}

function act(link, what) {
  if (what === 'deafen') return void (link.isDeaf = true)
  if (what === 'reset') return link.socket.resetAndDestroy()
  if (what === 'unbind') return link.unbind(() => link.close())
  link.socket.write(Buffer.from(what, 'hex'))
}

// A submit_sm as it came over the wire (SMPP 3.4, 4.4.1), whatever the library makes of it.
function fields(raw) {
  let at = 16
  const octet = () => raw[at++]
  const string = () => {
    const end = raw.indexOf(0, at)
    const text = raw.toString('latin1', at, end)
    at = end + 1
    return text
  }
  const party = () => ({ ton: octet(), npi: octet(), text: string() })
  const body = {
    service_type: string(),
    from: party(),
    to: party(),
    esm_class: octet(),
    protocol_id: octet(),
    priority_flag: octet(),
    schedule_delivery_time: string(),
    validity_period: string(),
    registered_delivery: octet(),
    replace_if_present_flag: octet(),
    data_coding: octet(),
    sm_default_msg_id: octet()
  }
  const length = octet()
  const octets = raw.toString('hex', at, at + length)
  return { ...body, octets, tlvs: raw.toString('hex', at + length) }
}

const commands = {
  set: (changes) => {
    Object.assign(state, changes)
    if (state.released) events.emit('released')
  },
  bring: (all) => Promise.all(all.map(brought)),
  act: (what) => [...links].forEach((link) => act(link, what)),
  act_on_first: (what) => void act(links[0], what),
  seen: () => ({ ...seen, links: links.length, manners: state.manners.length })
}

const control = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString()
  const said = await commands[request.url.slice(1)](body && JSON.parse(body))
  response.setHeader('content-type', 'application/json').end(JSON.stringify(said ?? null))
})
// A test's client may wait for long.
control.requestTimeout = 0
for (const listening of [server, control]) {
  await new Promise((ready) => listening.listen(0, '127.0.0.1', ready))
}
console.log(JSON.stringify({ smpp: server.address().port, control: control.address().port }))
process.stdin.on('end', () => process.exit()).resume()
