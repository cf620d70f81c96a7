// A list of the engine's that is shown as a whole: read page by page, and again when it may have changed.
import { reason, type Problem } from '../api/http'

const PAGE = 200
/** No list is read further: by then one looks for things by other means. */
const MOST = 20_000
/** Changes come in bursts: so long after an answer it is asked again, in milliseconds. */
const PAUSE = 250

export interface PageQuery {
  limit: number
  after?: string
}

export interface Page<T> {
  data?: { items: T[]; next?: string | null } | undefined
  error?: Problem | undefined
}

export class Whole<T> {
  /** Unknown until the engine has answered. */
  items = $state.raw<readonly T[] | null>(null)
  refusal = $state('')
  #asking = false
  #again = false

  constructor(private readonly page: (query: PageQuery) => Promise<Page<T>>) {}

  /** Asks for all of it. What is asked while an answer is awaited is asked once more after it. */
  async load(): Promise<void> {
    this.#again = this.#asking
    if (this.#asking) return
    this.#asking = true
    await this.#read()
    setTimeout(() => {
      this.#asking = false
      if (this.#again) void this.load()
    }, PAUSE)
  }

  async #read(): Promise<void> {
    const found: T[] = []
    let after: string | null = null
    do {
      const { data, error }: Page<T> = await this.page({ limit: PAGE, ...(after === null ? {} : { after }) })
      this.refusal = data ? '' : reason(error)
      if (!data) return
      found.push(...data.items)
      after = data.next ?? null
      // The first page is shown while the others come; what is there already stays until all is here.
      this.items ??= after === null ? null : [...found]
    } while (after !== null && found.length < MOST)
    this.items = found
  }
}
