// Who is there: of those whose presence is on the screen, and of the chats in the list.
import { untrack } from 'svelte'
import { SvelteMap } from 'svelte/reactivity'
import type { ClientFrame, Presence } from './api/http'

/** So many the engine tells of. */
const WATCHED = 200
/** So many changes of what is shown go to the engine as one. */
const PAUSE = 150

export class Presences {
  #states = new SvelteMap<string, Presence>()
  #shown = new SvelteMap<string, number>() // by number: in how many places
  #watched = ''
  #timer = 0

  constructor(private readonly send: (frame: ClientFrame) => boolean) {}

  /** Unknown while there is no connection. */
  get(extension: string): Presence | undefined {
    return this.#states.get(extension)
  }

  /** It is on the screen, until the answer is called. */
  shows(extension: string): () => void {
    const count = (by: number): void => {
      const now = untrack(() => this.#shown.get(extension) ?? 0) + by
      if (now > 0) this.#shown.set(extension, now)
      else this.#shown.delete(extension)
    }
    count(1)
    return () => count(-1)
  }

  /** Tells the engine who is of interest, where that has changed: first who is on the screen, then these. */
  watch(others: readonly string[]): void {
    const extensions = [...new Set([...this.#shown.keys(), ...others])].slice(0, WATCHED)
    const watched = extensions.toSorted().join(' ')
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => {
      if (watched !== this.#watched && this.send({ type: 'watch', extensions })) this.#watched = watched
    }, PAUSE)
  }

  told(states: Record<string, Presence>): void {
    for (const [extension, state] of Object.entries(states)) this.#states.set(extension, state)
  }

  /** The connection is lost: nothing is known, and the engine watches nobody for me. */
  lost(): void {
    this.#states.clear()
    this.#watched = ''
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
