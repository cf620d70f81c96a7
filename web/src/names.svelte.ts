// What people are called who write or type, though no row shows them: a large group's shows twenty.
import { SvelteMap } from 'svelte/reactivity'
import { http } from './api/http'

export class Names {
  #known = new SvelteMap<string, string>()

  /** Somebody's name, as far as it was heard here. */
  of(extension: string): string {
    return this.#known.get(extension) ?? extension
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
