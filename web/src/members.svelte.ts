// Everybody in one group, read page by page while somebody looks at the list, and kept as it changes.
import { http, reason, type Participant, type ParticipantsChanged, type Problem } from './api/http'
import type { Names } from './names.svelte'
import { isMember, keyOf } from './who'

const PAGE = 200

interface Page {
  data?: { items: Participant[]; next?: string | null } | undefined
  error?: Problem | undefined
}

export class Members {
  people = $state.raw<Participant[]>([])
  /** Whether all are here. */
  loaded = $state(false)
  refusal = $state('')
  #reading = 0

  constructor(
    readonly id: string,
    private readonly names: Names,
  ) {
    void this.load()
  }

  /** Reads them all anew. Who asks again has the last word. */
  async load(): Promise<void> {
    const reading = ++this.#reading
    const found = new Map<string, Participant>()
    let after: string | null = null
    do {
      const query: { limit: number; after?: string } = { limit: PAGE, ...(after === null ? {} : { after }) }
      const params = { path: { id: this.id }, query }
      const { data, error }: Page = await http.GET('/v1/conversations/{id}/participants', { params })
      if (reading !== this.#reading) return
      this.refusal = data ? '' : reason(error)
      if (!data) return
      for (const person of data.items) found.set(keyOf(person), person)
      after = data.next ?? null
      if (!this.loaded) this.people = this.#sorted(found.values())
    } while (after !== null)
    this.people = this.#sorted(found.values())
    this.loaded = true
  }

  change({ added, removed }: ParticipantsChanged): void {
    // Pages that are under way may be of before or of after this.
    if (!this.loaded) return void this.load()
    const people = new Map(this.people.map((p) => [keyOf(p), p]))
    for (const one of removed) people.delete(keyOf(one))
    // How far they have read is not shown here.
    for (const one of added) people.set(keyOf(one), 'extension' in one ? { ...one, read_seq: 0 } : one)
    this.people = this.#sorted(people.values())
  }

  rename(extension: string, name: string): void {
    this.people = this.#sorted(this.people.map((p) => (isMember(p) && p.extension === extension ? { ...p, name } : p)))
  }

  /** By name, those inside first. */
  #sorted(people: Iterable<Participant>): Participant[] {
    const outside = (p: Participant): number => Number(!isMember(p))
    const named = [...people].map((one) => ({ one, name: this.names.ofWho(one) }))
    named.sort(
      (a, b) => outside(a.one) - outside(b.one) || a.name.localeCompare(b.name) || keyOf(a.one).localeCompare(keyOf(b.one)),
    )
    return named.map(({ one }) => one)
  }
}
