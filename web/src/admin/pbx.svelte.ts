// What is provisioned, for whoever administers it: read while it is looked at.
import { createContext } from 'svelte'
import { http, reason } from '../api/http'
import type { components } from '../api/schema'
import type { Store } from '../store.svelte'
import { formatted } from '../phone-number'
import { digitsOf } from '../who'
import { Whole } from './whole.svelte'

export type PhoneNumber = components['schemas']['ProvisionedNumber']
export type SmsQueue = components['schemas']['ProvisionedQueue']
export type Extension = components['schemas']['ProvisionedExtension']
export type AuditEntry = components['schemas']['AuditEntry']
export type Consent = components['schemas']['ConsentRecord']
export type Unrouted = components['schemas']['UnroutedText']
export type Carrier = components['schemas']['CarrierEntry']
export type DeadLetter = components['schemas']['DeadLetter']
export type TenantSettings = components['schemas']['PutSettings']

export class Pbx {
  readonly numbers = new Whole((query) => http.GET('/v1/pbx/numbers', { params: { query } }))
  readonly queues = new Whole((query) => http.GET('/v1/pbx/queues', { params: { query } }))
  readonly people = new Whole((query) => http.GET('/v1/pbx/extensions', { params: { query } }))
  readonly consents = new Whole((query) => http.GET('/v1/pbx/consents', { params: { query } }))
  readonly deadLetters = new Whole((query) => http.GET('/v1/pbx/dead-letters', { params: { query } }))
  readonly phonebooks = new Whole((query) => http.GET('/v1/pbx/phonebooks', { params: { query } }))
  readonly carriers = new Whole(() => http.GET('/v1/pbx/carriers'))
  settings = $state.raw<TenantSettings | null>(null)
  settingsRefusal = $state('')
  #asked = 0

  constructor(readonly store: Store) {}

  /** Who asks again has the last word. */
  async readSettings(): Promise<void> {
    const asked = ++this.#asked
    const { data, error } = await http.GET('/v1/pbx/settings')
    if (asked !== this.#asked) return
    this.settingsRefusal = data ? '' : reason(error)
    if (data) this.settings = data
  }

  /** Where a number is that is written without its country. */
  get region(): string {
    return this.store.office.settings?.region ?? 'US'
  }

  /** An extension as people know it; its number, while there is no such one. */
  person(extension: string): string {
    const found = this.people.items?.find((one) => one.extension === extension)
    return found ? `${found.name} (${extension})` : extension
  }

  /** A queue’s name, by its key or our id; these, while there is no such one. */
  queue(key: string): string {
    return this.queues.items?.find((one) => one.key === key || one.id === key)?.name ?? key
  }

  /** A number for people; without the name that it may have in somebody’s phonebook. */
  number(number: string): string {
    const said = this.store.names.numbers.of(number)
    return digitsOf(said) === digitsOf(number) ? said : formatted(number)
  }

  /** One of our numbers by its label and number. */
  ours(number: string): string {
    const label = this.numbers.items?.find((one) => one.number === number)?.label
    return label ? `${label}, ${this.number(number)}` : this.number(number)
  }
}

/** What is provisioned, for whatever the Admin area shows. */
export const [usePbx, givePbx] = createContext<Pbx>()
