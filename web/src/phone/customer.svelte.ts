// A customer: their number, what they wrote from this tab, and what the simulator says that their phone received.
import { untrack } from 'svelte'
import { http, reason, type CompanyNumber, type SimulatedText } from './simulator'
import { keepNumber, keepSent, keptNumber, keptSent, type Sent } from './kept'

const EVERY = 1_000
/** Numbers come and go rarely. */
const NUMBERS_EVERY = 5
/** As many as the engine gives at once. */
const PAGE = 200

export type Entry = { key: string; at: string; text: string } & ({ sent: Sent } | { sent: null })

export class Customer {
  number = $state(keptNumber())
  numbers = $state.raw<CompanyNumber[] | null>(null)
  /** Which of the company's numbers is on the screen. */
  chosen = $state('')
  /** There is no simulator. */
  isNowhere = $state(false)
  /** Why nothing is heard of the simulator. */
  problem = $state('')
  /** What this phone received is known. */
  isReady = $state(false)

  #sent = $state<Sent[]>([])
  #received = $state.raw<SimulatedText[]>([])
  /** How many of each number were seen. */
  #seen = $state<Record<string, number>>({})
  #page = { after: 0, begins: 0 }
  #round = 0

  constructor() {
    this.#sent = keptSent(this.number)
    $effect(() => {
      if (this.chosen) this.#seen[this.chosen] = this.#from(this.chosen).length
    })
  }

  /** The thread on the screen, oldest first. */
  entries = $derived.by<Entry[]>(() => {
    const sent = this.#sent.filter((one) => one.to === this.chosen)
    const entries: Entry[] = []
    const write = (until: number): void => {
      while (sent[0] && sent[0].after <= until) {
        const one = sent.shift()!
        entries.push({ key: one.id, at: one.at, text: one.text, sent: one })
      }
    }
    this.#received.forEach(({ from, at, text }, place) => {
      write(place)
      if (from === this.chosen) entries.push({ key: `${place}`, at, text, sent: null })
    })
    write(Infinity)
    return entries
  })

  unseen(number: string): number {
    return this.#from(number).length - (this.#seen[number] ?? 0)
  }

  /** This phone has another number from now on. */
  become(number: string): void {
    // People write numbers with spaces and brackets; the simulator takes them as networks write them.
    const bare = /^\+?[\d\s().-]+$/.test(number) ? number.replace(/[\s().-]/g, '') : number.trim()
    if (!bare || bare === this.number) return
    this.number = bare
    keepNumber(bare)
    this.#sent = keptSent(bare)
    this.#received = []
    this.#seen = {}
    this.#page = { after: 0, begins: 0 }
    this.isReady = false
    this.problem = ''
  }

  send(text: string, picture = ''): void {
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
    const at = new Date().toISOString()
    const after = this.#received.length
    this.#sent.push({ id, to: this.chosen, text, picture, at, after, state: 'sending', reason: '' })
    void this.#post(this.#sent.at(-1)!)
  }

  retry(id: string): void {
    const sent = this.#sent.find((one) => one.id === id)
    if (sent) void this.#post(sent)
  }

  /** Asks the simulator again and again, of the number as it is now; answers how to end that. */
  listen(): () => void {
    let isOver = false
    const ask = async (): Promise<void> => {
      if (isOver) return
      const more = await this.#ask()
      setTimeout(ask, more ? 0 : EVERY)
    }
    untrack(() => void ask())
    return () => (isOver = true)
  }

  async #post(sent: Sent): Promise<void> {
    const from = this.number
    const { id, to, text, picture } = sent
    sent.state = 'sending'
    this.#keep(from)
    const { error } = await http.POST('/v1/simulator/messages', {
      body: { id, from, to, text, media: picture ? [picture] : [] },
    })
    sent.state = error ? 'failed' : 'sent'
    sent.reason = error ? reason(error) : ''
    this.#keep(from)
  }

  #keep(number: string): void {
    if (number === this.number) keepSent(number, this.#sent)
  }

  async #ask(): Promise<boolean> {
    const number = this.number
    if (!this.numbers || this.#round++ % NUMBERS_EVERY === 0) await this.#askNumbers()
    if (this.isNowhere || !this.numbers) return false
    const { data, error } = await http.GET('/v1/simulator/messages', {
      params: { query: { number, after: this.#page.after, limit: PAGE } },
    })
    if (number !== this.number) return true
    this.problem = error ? reason(error) : ''
    return data ? this.#place(data.items, data.next ?? null) : false
  }

  /** The newest page grows until it is full; then another begins. */
  #place(items: SimulatedText[], next: string | null): boolean {
    if (this.#page.begins + items.length !== this.#received.length) {
      this.#received = [...this.#received.slice(0, this.#page.begins), ...items]
    }
    if (next) this.#page = { after: Number(next), begins: this.#page.begins + items.length }
    // What was there before this page was opened is not news.
    if (!this.isReady) for (const { number } of this.numbers ?? []) this.#seen[number] = this.#from(number).length
    this.isReady ||= !next
    return next !== null
  }

  async #askNumbers(): Promise<void> {
    const { data, error, response } = await http.GET('/v1/simulator/numbers')
    this.isNowhere = response.status === 404
    this.problem = error && !this.isNowhere ? reason(error) : ''
    if (!data) return
    this.numbers = data.items
    if (!data.items.some(({ number }) => number === this.chosen)) this.chosen = data.items[0]?.number ?? ''
  }

  #from(number: string): SimulatedText[] {
    return this.#received.filter(({ from }) => from === number)
  }
}
