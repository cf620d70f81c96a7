// What people are called who write or type, though no row shows them: a large group's shows twenty.
import { createContext } from 'svelte'
import { SvelteMap } from 'svelte/reactivity'
import { http, type Who } from './api/http'
import { Numbers } from './numbers.svelte'

export class Names {
  readonly numbers = new Numbers()
  #known = new SvelteMap<string, string>()

  /** Somebody's name, as far as it was heard here. */
  of(extension: string): string {
    return this.#known.get(extension) ?? extension
  }

  /** Whoever wrote something or is in a group, inside or outside. */
  ofWho(who: Who): string {
    return 'extension' in who ? who.name : this.numbers.of(who.number)
  }

  heard(extension: string, name: string): void {
    this.#known.set(extension, name)
  }

  /** Who is known by another name now. */
  rename(extension: string, name: string): void {
    if (this.#known.has(extension)) this.#known.set(extension, name)
  }

  /** This one's name is to be shown: where no row says it, the directory is asked. */
  learn(extension: string, name: string | undefined): void {
    if (this.#known.has(extension)) return
    if (name !== undefined) return this.heard(extension, name)
    void http.GET('/v1/extensions', { params: { query: { q: extension } } }).then(({ data }) => {
      const found = data?.items.find((entry) => entry.extension === extension)
      if (found) this.heard(extension, found.name)
    })
  }
}

/** What people are called, for whatever the frame shows. */
export const [useNames, giveNames] = createContext<Names>()
