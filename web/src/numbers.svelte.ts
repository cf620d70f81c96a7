// What numbers outside are called: as the engine says it to me, asked for once for all that are on the screen.
import { SvelteMap } from 'svelte/reactivity'
import { http } from './api/http'

/** So many are asked for at once. */
const AT_ONCE = 200
/** So much of what is wanted goes into one question. */
const PAUSE = 30

export class Numbers {
  #known = new SvelteMap<string, string>()
  #wanted = new Set<string>()
  #timer = 0

  /** Its name; the number as it is until the engine has answered. */
  of(number: string): string {
    const name = this.#known.get(number)
    if (name === undefined && !this.#wanted.has(number)) this.ask([number])
    return name ?? number
  }

  told(names: Record<string, string>): void {
    for (const [number, name] of Object.entries(names)) this.heard(number, name)
  }

  heard(number: string, name: string): void {
    this.#known.set(number, name)
  }

  /** Asks for these, whether they are known or not: they may be called something else now. */
  ask(numbers: Iterable<string>): void {
    for (const number of numbers) this.#wanted.add(number)
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => void this.#answer(), PAUSE)
  }

  /** Everything may have changed. */
  again(): void {
    this.ask(this.#known.keys())
  }

  /** What had no answer is asked for again. */
  online(): void {
    if (this.#wanted.size > 0) this.ask([])
  }

  async #answer(): Promise<void> {
    const numbers = [...this.#wanted].slice(0, AT_ONCE)
    if (numbers.length === 0) return
    const { data } = await http.GET('/v1/names', { params: { query: { numbers: numbers.join(',') } } })
    if (!data) return
    for (const number of numbers) {
      this.#wanted.delete(number)
      this.heard(number, data[number] ?? number)
    }
    if (this.#wanted.size > 0) this.ask([])
  }
}
