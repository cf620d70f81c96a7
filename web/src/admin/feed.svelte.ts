// A list of the engine's that nobody reads to its end: the newest first, more as one scrolls.
import { reason } from '../api/http'
import type { Page, PageQuery } from './whole.svelte'

const PAGE = 50

export class Feed<T> {
  items = $state.raw<readonly T[] | null>(null)
  refusal = $state('')
  /** There are more. */
  hasMore = $state(false)
  #next: string | null = null
  #turn = 0
  #reading = false

  constructor(private readonly page: (query: PageQuery) => Promise<Page<T>>) {}

  /** From its beginning. Who asks again has the last word. */
  async load(): Promise<void> {
    this.#turn++
    this.#next = null
    await this.#read([])
  }

  async more(): Promise<void> {
    if (this.#next !== null && !this.#reading) await this.#read(this.items ?? [])
  }

  async #read(before: readonly T[]): Promise<void> {
    const turn = this.#turn
    this.#reading = true
    const { data, error } = await this.page({ limit: PAGE, ...(this.#next === null ? {} : { after: this.#next }) })
    if (turn !== this.#turn) return
    this.#reading = false
    this.refusal = data ? '' : reason(error)
    if (!data) return
    this.items = [...before, ...data.items]
    this.#next = data.next ?? null
    this.hasMore = this.#next !== null
  }
}
