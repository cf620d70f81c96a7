// What somebody types before it is saved: what of it is changed, and what the engine says against it.
import { reason, sentence, type Problem } from '../api/http'

/** Why it can't be so, and where to say it: nowhere in particular, or at these fields. */
interface Refusal {
  fields: readonly string[]
  words: string
}

export interface Answer {
  error?: Problem | undefined
}

/** What a control has of its field. */
export interface Control {
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': boolean
}

/** A form, for what shows one field of it. */
export interface Fields {
  has: (field: string) => boolean
  /** What is changed is marked; not so in what is new altogether. */
  marks: boolean
  wrong: (field: string) => string
  turn: number
}

export class Form<T extends Record<string, unknown>> implements Fields {
  now = $state() as T
  busy = $state(false)
  /** Rises with each refusal: the field that it is about takes the focus. */
  turn = $state(0)
  #was = $state.raw() as T
  #refusal = $state.raw<Refusal | null>(null)

  /** `codes` say at which field a refusal is told that names none. */
  constructor(
    was: T,
    private readonly codes: Partial<Record<string, keyof T & string>> = {},
    readonly marks = true,
  ) {
    this.#was = was
    this.now = structuredClone(was)
  }

  readonly changed = $derived.by(() => Object.keys(this.#was).filter((field) => !same(this.now[field], this.#was[field])))

  has(field: string): boolean {
    return this.changed.includes(field)
  }

  /** What is said at this field. */
  wrong(field: string): string {
    return this.#refusal?.fields.includes(field) ? this.#refusal.words : ''
  }

  /** What is said of the whole. */
  get refusal(): string {
    return this.#refusal && this.#refusal.fields.length === 0 ? this.#refusal.words : ''
  }

  /** Back to what it was. */
  reset(): void {
    this.now = structuredClone(this.#was)
    this.#refusal = null
  }

  /** It is otherwise by now: what nobody has touched here follows. */
  follow(newest: T): void {
    const mine = Object.fromEntries(this.changed.map((field) => [field, $state.snapshot(this.now[field])]))
    this.#was = newest
    this.now = { ...structuredClone(newest), ...mine }
  }

  /** As it is typed, without anything that changes with it. */
  get typed(): T {
    return $state.snapshot(this.now) as T
  }

  /** What was changed, as it is typed. */
  get changes(): Partial<T> {
    const { typed } = this
    return Object.fromEntries(this.changed.map((field) => [field, typed[field]])) as Partial<T>
  }

  refuse(words: string, ...fields: (keyof T & string)[]): false {
    this.#refusal = { fields, words }
    this.turn++
    return false
  }

  /** Asks the engine, and shows what it says against it. */
  async save(ask: () => Promise<Answer>): Promise<boolean> {
    if (this.busy) return false
    this.busy = true
    this.#refusal = null
    const { error } = await ask()
    this.busy = false
    return error ? this.#place(error) : true
  }

  #place(problem: Problem): false {
    const [, before = '', after = ''] = /^([a-z_]+(?:, [a-z_]+)*): (.+)$/su.exec(problem.detail) ?? []
    const named = before.split(', ').filter((field) => field in this.#was)
    // Of several that are named it is one that was changed.
    const meant = named.length > 1 ? named.filter((field) => this.has(field)) : named
    const code = this.codes[problem.code]
    if (meant.length > 0) return this.refuse(sentence(after), ...meant)
    return this.refuse(reason(problem), ...(code ? [code] : []))
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
