// What numbers outside are called: as the engine says it to me, asked for once for all that are on the screen.
import { SvelteMap } from 'svelte/reactivity'
import { http } from './api/http'

/** So many are asked for at once. */
const AT_ONCE = 200
/** So much of what is wanted goes into one question. */
const PAUSE = 30

export class Numbers {
  /** Changes when names may have changed: what is found by name is to be looked for again. */
  turn = $state(0)
  #known = new SvelteMap<string, string>()
  #old = new Set<string>() // known by what may be another name now
  #wanted = new Set<string>()
  #asked = new Set<string>() // an answer is under way
  #timer = 0

  /** Its name; the number as it is until the engine has answered. */
  of(number: string): string {
    // Who shows a name that may have changed looks again, and so asks; what nobody shows is not asked for.
    void this.turn
    const name = this.#known.get(number)
    const isToAsk = this.#old.has(number) || (name === undefined && !this.#asked.has(number))
    if (isToAsk && !this.#wanted.has(number)) this.#ask([number])
    return name ?? number
  }

  /** These were just asked for, with all else. */
  told(names: Record<string, string>): void {
    for (const [number, name] of Object.entries(names)) {
      this.#is(number, name)
      this.#old.delete(number)
    }
  }

  /** A row says it, and may be of before a change: what is known otherwise is asked for. */
  heard(number: string, name: string): void {
    const known = this.#known.get(number)
    if (known === undefined) this.#is(number, name)
    else if (known !== name) this.updated([number])
  }

  /** These, or any, may be called something else now. */
  updated(numbers: readonly string[] | null): void {
    for (const number of numbers ?? this.#known.keys()) if (this.#known.has(number)) this.#old.add(number)
    // What is under way may be of before this.
    for (const number of this.#asked) if (!numbers || numbers.includes(number)) this.#old.add(number)
    this.turn++
  }

  /** What had no answer is asked for again. */
  online(): void {
    if (this.#wanted.size > 0) this.#ask([])
  }

  #is(number: string, name: string): void {
    this.#known.set(number, name)
  }

  #ask(numbers: readonly string[]): void {
    for (const number of numbers) this.#wanted.add(number)
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => void this.#answer(), PAUSE)
  }

  /** One question at a time: an earlier answer must not come after a later one. */
  async #answer(): Promise<void> {
    if (this.#asked.size > 0 || this.#wanted.size === 0) return
    const numbers = [...this.#wanted].slice(0, AT_ONCE)
    for (const number of numbers) {
      this.#wanted.delete(number)
      this.#old.delete(number)
    }
    this.#asked = new Set(numbers)
    const { data } = await http.GET('/v1/names', { params: { query: { numbers: numbers.join(',') } } })
    this.#asked.clear()
    for (const number of numbers) {
      if (data) this.#is(number, data[number] ?? number)
      else this.#wanted.add(number)
    }
    if (data && this.#wanted.size > 0) this.#ask([])
  }
}
