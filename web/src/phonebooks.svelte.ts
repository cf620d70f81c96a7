// The Phonebook: what is assigned to me, whom I spoke with lately, and what I look for there.
import { untrack } from 'svelte'
import { http, reason, type Problem } from './api/http'
import type { components } from './api/schema'
import { contacts, fits, type Source } from './contacts.svelte'

export type Book = components['schemas']['Phonebook']

/** Somebody in a phonebook, or a number that was found. */
export interface Entry {
  key: string
  name?: string | null
  numbers: string[]
  /** Where it was found, if not in the phonebook that is looked at. */
  sources?: Source[]
  phonebook?: string | null
}

interface Answer {
  data?: { items: Entry[]; next?: string | null } | undefined
  error?: Problem | undefined
}

/** Stands for what is in no phonebook: my newest calls and conversations. */
export const RECENT = 'recent'
const PAGE = 200
/** A pause in typing after which the engine is asked. */
const PAUSE = 80

export class Phonebooks {
  /** Those assigned to me, in order; nothing until the engine has said it. */
  all = $state.raw<readonly Book[] | null>(null)
  q = $state('')
  refusal = $state('')
  /** The number that the keys are at, or were. */
  at = $state.raw<{ key: string; number: number } | null>(null)
  /** Changes when what is shown may have changed. */
  turn = $state(0)
  #picked = $state<string | null>(null)
  /** Whether the phonebook alone is searched. */
  #isNarrow = $state(false)
  #rows = $state.raw<readonly Entry[]>([])
  #answered = $state<string | null>(null)
  #next = $state<string | null>(null)
  #reading = 0
  #isMore = false

  /** What is looked at while nothing is looked for: what I chose, else my first phonebook. */
  chosen = $derived(this.all?.find(({ id }) => id === this.#picked)?.id ?? (this.#picked === RECENT ? RECENT : this.all?.[0]?.id ?? RECENT))
  isSearch = $derived(this.q.trim() !== '')
  /** Everything is searched, unless a phonebook was chosen since. */
  isEverywhere = $derived(this.isSearch && (!this.#isNarrow || this.chosen === RECENT))
  book = $derived(this.isEverywhere ? undefined : this.all?.find(({ id }) => id === this.chosen))
  #question = $derived(`${this.isEverywhere ? '' : this.chosen} ${this.q.trim()}`)
  /** Whether the engine has answered what is asked. */
  settled = $derived(this.#answered === this.#question)
  /** While it has not, what of the last answer may belong here. */
  rows = $derived(this.settled ? this.#rows : this.isSearch ? this.#rows.filter((one) => fits(one.name ?? null, one.numbers, this.q)) : [])
  hasMore = $derived(this.#next !== null)

  /** A phonebook, or what is recent; while something is looked for, it is looked for there. */
  pick(id: string): void {
    this.#picked = id
    this.#isNarrow = this.isSearch && id !== RECENT
  }

  /** All is searched again. */
  widen(): void {
    this.#isNarrow = false
  }

  /** What is assigned to me, what is in it or how it is called may be something else now. */
  changed(): void {
    this.turn++
  }

  async readBooks(): Promise<void> {
    const { data, error } = await http.GET('/v1/phonebooks')
    if (data) this.all = data.items
    else if (this.all === null) this.refusal = reason(error)
  }

  /** Asks for what is shown; whoever calls the answer hears no more of it. */
  look(): () => void {
    const question = this.#question
    if (this.all === null && !this.isEverywhere) return () => undefined
    if (!this.isSearch) this.#isNarrow = false
    const isLater = this.isSearch || untrack(() => this.settled)
    const timer = setTimeout(() => void this.#read(question), isLater ? PAUSE : 0)
    return () => {
      clearTimeout(timer)
      this.#reading++
    }
  }

  /** The list was scrolled near its end. */
  async more(): Promise<void> {
    if (this.#next === null || this.#isMore || !this.settled) return
    this.#isMore = true
    const reading = this.#reading
    const { data } = await this.#page(this.#next)
    this.#isMore = false
    if (!data || reading !== this.#reading) return
    this.#rows = [...this.#rows, ...data.items]
    this.#next = data.next ?? null
  }

  /** The first page, or of what is shown already, as much as there was: it takes its place at once. */
  async #read(question: string): Promise<void> {
    const reading = ++this.#reading
    const count = this.#answered === question ? this.#rows.length : 0
    const rows: Entry[] = []
    let after: string | null = null
    do {
      const { data, error }: Answer = await this.#page(after)
      if (reading !== this.#reading) return
      this.refusal = data ? '' : reason(error)
      if (!data) return
      rows.push(...data.items)
      after = data.next ?? null
    } while (after !== null && rows.length < count)
    this.#rows = rows
    this.#next = after
    this.#answered = question
  }

  async #page(after: string | null): Promise<Answer> {
    const q = this.q.trim()
    if (this.isEverywhere || this.chosen === RECENT) {
      const { data, error } = await contacts(q, PAGE)
      if (!data) return error ? { error } : {}
      // Names that machines text from are no contacts.
      const items = data.items.filter(({ number }) => number.startsWith('+'))
      return { data: { items: items.map(({ number, ...one }) => ({ ...one, key: number, numbers: [number] })) } }
    }
    const query = { limit: PAGE, ...(q === '' ? {} : { q }), ...(after === null ? {} : { after }) }
    return http.GET('/v1/phonebooks/{id}/contacts', { params: { path: { id: this.chosen }, query } })
  }
}
