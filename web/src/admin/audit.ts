// What was done, in words.
import { inWords } from './duration'
import type { AuditEntry, Pbx } from './pbx.svelte'

/** What an entry tells beside its action, whatever it is. */
type Detail = Record<string, unknown>
type Told = (subject: string, detail: Detail, pbx: Pbx) => string

/** Each with its name among the filters, and how one is told, after who did it. */
const WORDS: Record<string, [name: string, told: Told]> = {
  'extension.put': ['Person changed', (number, detail, pbx) => `${detail.made === true ? 'added' : 'changed'} ${pbx.person(number)}${listed(person(detail, pbx))}`],
  'extension.delete': ['Person deleted', (number, _, pbx) => `deleted ${pbx.person(number)}`],
  'number.put': ['Number changed', (number, detail, pbx) => `changed the number ${pbx.number(number)}${listed(line(detail, pbx))}`],
  'number.delete': ['Number given up', (number, _, pbx) => `gave up the number ${pbx.number(number)}`],
  'queue.put': ['Queue changed', (key, detail, pbx) => `changed the queue ${text(detail.name) || pbx.queue(key)}${listed(queue(detail, pbx))}`],
  'queue.delete': ['Queue deleted', (key, _, pbx) => `deleted the queue ${pbx.queue(key)}`],
  'agent.set': ['Agent logged in, out or paused', (id, detail, pbx) => agent(pbx.queue(id), detail, pbx)],
  'phonebook.put': ['Phonebook changed', (key, detail) => `changed the phonebook ${text(detail.name) || key}${listed([`${text(detail.contacts) || 0} contacts`])}`],
  'phonebook.delete': ['Phonebook deleted', (key) => `deleted the phonebook ${key}`],
  'contacts.replaced': ['Contacts replaced', (key) => `replaced the contacts of ${key}`],
  'settings.put': ['Settings changed', (_, detail) => `changed the settings${listed([`alert tone ${text(detail.alert_tone)}`, `region ${text(detail.region)}`])}`],
  'consent.put': ['Consent recorded', (ours, detail, pbx) => consent(ours, detail, pbx)],
  'unrouted.assigned': ['Unrouted text handed over', () => 'handed over a text that was nobody’s'],
  claimed: ['Conversation claimed', () => 'claimed a conversation'],
  transferred: ['Conversation transferred', (_, detail) => `transferred a conversation to ${text(detail.to_queue) || who(detail.to)}`],
  released: [
    'Conversation released',
    (_, detail) => `gave a conversation back to its queue${detail.no_reply_from ? `: no reply from ${who(detail.no_reply_from)}` : ''}`,
  ],
  closed: ['Conversation closed', (_, detail) => `closed a conversation${detail.missed === true ? ': nobody was available' : ''}`],
  login: ['Signed in', () => 'signed in'],
  'login.failed': ['Sign-in refused', (number, _, pbx) => `refused a sign-in as ${pbx.person(number)}`],
  'token.issued': ['Token issued', (number, _, pbx) => `issued a token for ${pbx.person(number)}`],
  'webhook.put': ['Webhook changed', (key) => `changed the webhook ${key}`],
  'webhook.delete': ['Webhook deleted', (key) => `deleted the webhook ${key}`],
  'dead_letter.replayed': ['Dead letter replayed', () => 'replayed a dead letter'],
}

/** What can be filtered by. */
export const actions = Object.entries(WORDS).map(([key, [name]]) => ({ key, name }))

/** "changed the queue Support: 2 members, back after 5 minutes" */
export function whatHappened({ action, subject, detail }: AuditEntry, pbx: Pbx): string {
  return WORDS[action]?.[1](subject, (detail ?? {}) as Detail, pbx) ?? `${action} ${subject}`
}

/** Who did it. */
export function whoDid({ by }: AuditEntry): string {
  if (by.kind === 'engine') return 'The engine'
  if (by.kind === 'key') return `The phone system${by.key ? ` (key ${by.key})` : ''}`
  return by.name ? `${by.name} (${by.extension})` : (by.extension ?? 'Somebody')
}

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')
const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : [])
const listed = (facts: readonly string[]): string => {
  const known = facts.filter(Boolean)
  return known.length > 0 ? `: ${known.join(', ')}` : ''
}

function who(value: unknown): string {
  const { name, extension, number } = (value ?? {}) as Detail
  const key = text(extension) || text(number)
  return text(name) ? `${text(name)}${key ? ` (${key})` : ''}` : key || 'somebody'
}

function person(detail: Detail, pbx: Pbx): string[] {
  const ids = list(detail.caller_ids).map((number) => pbx.number(number))
  return [
    text(detail.role),
    ids.length > 0 ? `caller ${ids.length === 1 ? 'ID' : 'IDs'} ${ids.join(' and ')}` : 'no caller ID',
    detail.password_changed === true ? 'a new password' : '',
    detail.enabled === false ? 'disabled' : '',
  ]
}

function line(detail: Detail, pbx: Pbx): string[] {
  const to = text(detail.queue) ? pbx.queue(text(detail.queue)) : text(detail.extension) ? pbx.person(text(detail.extension)) : ''
  return [
    text(detail.label),
    to ? `texts go to ${to}` : 'texts go by caller ID',
    `carrier ${text(detail.carrier)}`,
    detail.sms_enabled === false ? 'no SMS' : '',
  ]
}

function queue(detail: Detail, pbx: Pbx): string[] {
  const members = list(detail.members).map((number) => pbx.person(number))
  const idle = Number(detail.idle_timeout_s)
  const unclaimed = Number(detail.unclaimed_timeout_s)
  return [
    members.length > 3 ? `${members.length} members` : members.join(' and ') || 'no members',
    idle > 0 ? `back after ${inWords(idle)}` : '',
    unclaimed > 0 ? `closed after ${inWords(unclaimed)}` : '',
  ]
}

function agent(name: string, detail: Detail, pbx: Pbx): string {
  const about = `${pbx.person(text(detail.extension))} in ${name}`
  if (detail.member === false) return `took out ${about}`
  if (detail.logged_in !== true) return `logged out ${about}`
  if (detail.paused === true) return `paused ${about}${text(detail.pause_reason) ? `: ${text(detail.pause_reason)}` : ''}`
  return `logged in ${about}`
}

function consent(ours: string, detail: Detail, pbx: Pbx): string {
  const number = pbx.number(text(detail.number))
  const from = ours === 'all' ? 'the whole company' : pbx.ours(ours)
  return detail.opted_out === false ? `allowed texts to ${number} from ${from} again` : `recorded that ${number} wants no texts from ${from}`
}
