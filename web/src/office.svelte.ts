// What is set for me and my company, kept as it changes: the numbers I may text from, limits, the tone.
import { createContext } from 'svelte'
import { http, type CallerId, type Me, type Settings } from './api/http'

export class Office {
  me = $state.raw() as Me
  settings = $state.raw<Settings | null>(null)
  /** The numbers of ours that I may text from; the first is my default. */
  senders = $derived.by(() => this.me.caller_ids.filter((c) => c.can_send))

  // Two may be asked for in a row, and their answers cross: the last question has the last word.
  #meAsked = 0
  #settingsAsked = 0

  constructor(me: Me) {
    this.me = me
  }

  /** How one of our numbers is called, if it is mine. */
  labelOf(number: string): string | null {
    return this.me.caller_ids.find((c) => c.number === number)?.label ?? null
  }

  sender(number: string | null | undefined): CallerId | undefined {
    return this.senders.find((c) => c.number === number)
  }

  /** The most characters of a text; unknown until the engine has said it. */
  limit(goesOut: boolean): number {
    if (!this.settings) return Infinity
    return goesOut ? this.settings.sms_max_characters : this.settings.message_max_characters
  }

  async readMe(): Promise<void> {
    const asked = ++this.#meAsked
    const { data } = await http.GET('/v1/me')
    if (data && asked === this.#meAsked) this.me = data
  }

  async readSettings(): Promise<void> {
    const asked = ++this.#settingsAsked
    const { data } = await http.GET('/v1/settings')
    if (data && asked === this.#settingsAsked) this.settings = data
  }
}

/** What is set for who is signed in, for whatever the frame shows. */
export const [useOffice, giveOffice] = createContext<Office>()
