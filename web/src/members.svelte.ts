// Everybody in one group, read page by page while somebody looks at the list, and kept as it changes.
import { http, reason, type ParticipantsChanged, type Person, type Problem } from './api/http'

const PAGE = 200

interface Page {
  data?: { items: Person[]; next?: string | null } | undefined
  error?: Problem | undefined
}

export class Members {
  people = $state.raw<Person[]>([])
  /** Whether all are here. */
  loaded = $state(false)
  refusal = $state('')
  #reading = 0

  constructor(readonly id: string) {
    void this.load()
  }

  /** Reads them all anew. Who asks again has the last word. */
  async load(): Promise<void> {
    const reading = ++this.#reading
    const found = new Map<string, Person>()
    let after: string | null = null
    do {
      const query: { limit: number; after?: string } = { limit: PAGE, ...(after === null ? {} : { after }) }
      const params = { path: { id: this.id }, query }
      const { data, error }: Page = await http.GET('/v1/conversations/{id}/participants', { params })
      if (reading !== this.#reading) return
      this.refusal = data ? '' : reason(error)
      if (!data) return
      for (const person of data.items) found.set(person.extension, person)
      after = data.next ?? null
      if (!this.loaded) this.people = sorted(found.values())
    } while (after !== null)
    this.people = sorted(found.values())
    this.loaded = true
  }

  change({ added, removed }: ParticipantsChanged): void {
    // Pages that are under way may be of before or of after this.
    if (!this.loaded) return void this.load()
    const people = new Map(this.people.map((p) => [p.extension, p]))
    for (const { extension } of removed) people.delete(extension)
    for (const person of added) people.set(person.extension, person)
    this.people = sorted(people.values())
  }

  rename(extension: string, name: string): void {
    this.people = sorted(this.people.map((p) => (p.extension === extension ? { ...p, name } : p)))
  }
}

function sorted(people: Iterable<Person>): Person[] {
  return [...people].sort((a, b) => a.name.localeCompare(b.name) || a.extension.localeCompare(b.extension))
}
