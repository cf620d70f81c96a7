// What an administrator is told of: texts that are nobody's, and that something was provisioned anew.
import { http, type EventFrame } from './api/http'
import { Whole } from './admin/whole.svelte'

/** What is looked at in the Admin area and may be changed elsewhere. */
export type Kind = 'numbers' | 'queues' | 'people' | 'settings' | 'consents'

const KINDS: Partial<Record<EventFrame['name'], Kind>> = {
  'number.updated': 'numbers',
  'queue.updated': 'queues',
  'extension.updated': 'people',
  'settings.updated': 'settings',
  'consent.updated': 'consents',
}

export class Admin {
  /** Changes when something of a kind may have changed: what is shown of it is asked for again. */
  readonly turns = $state<Record<Kind, number>>({ numbers: 0, queues: 0, people: 0, settings: 0, consents: 0 })
  /** Texts that are nobody’s, the oldest first. */
  readonly unrouted = new Whole((query) => http.GET('/v1/pbx/unrouted', { params: { query } }))

  constructor(private readonly isAdmin: () => boolean) {}

  /** How many are nobody’s. */
  get waiting(): number {
    return this.isAdmin() ? (this.unrouted.items?.length ?? 0) : 0
  }

  event({ name }: EventFrame): void {
    const kind = KINDS[name]
    if (kind) this.turns[kind]++
    if (name === 'unrouted.updated' && this.isAdmin()) void this.unrouted.load()
  }

  /** What happened meanwhile is unknown. */
  online(): void {
    if (!this.isAdmin()) return
    for (const kind of Object.keys(this.turns) as Kind[]) this.turns[kind]++
    void this.unrouted.load()
  }
}
