// What was written and not yet answered. It goes out in order, one at a time in a conversation, under the same
// client_id until it is answered: the engine makes one message of it however often it is asked. It outlives a reload.
import { sentence, type ClientFrame, type ServerFrame } from './api/http'

export interface Draft {
  client_id: string
  conversation: string
  text: string
  /** The number of ours that was chosen for it, where it goes out by SMS. */
  from?: string
  written_at: string
  /** Why it was refused; null while it is on its way. */
  failed: string | null
}

/** Refusals that may pass: the same again, a little later. */
const PASSING = new Set(['busy', 'storage_unavailable', 'outcome_unknown', 'rate_limited'])
const PAUSE = 1_500

/** A UUIDv7 (RFC 9562): what is written later sorts later, which the engine's index likes. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  new DataView(bytes.buffer).setBigUint64(0, (BigInt(Date.now()) << 16n) | BigInt((bytes[6]! << 8) | bytes[7]!))
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

export class Outbox {
  drafts = $state<Draft[]>([])
  #inFlight = new Map<string, string>() // by conversation: the client_id that waits for its answer
  #online = false
  readonly #key: string

  constructor(
    who: string,
    private readonly send: (frame: ClientFrame) => boolean,
  ) {
    this.#key = `partyline.outbox.${who}.`
    try {
      this.drafts = Object.keys(localStorage)
        .filter((key) => key.startsWith(this.#key))
        .map((key) => JSON.parse(localStorage.getItem(key) ?? '') as Draft)
        .sort((a, b) => a.written_at.localeCompare(b.written_at))
    } catch {
      this.drafts = []
    }
  }

  write(conversation: string, text: string, from?: string): void {
    const written_at = new Date().toISOString()
    this.drafts.push({ client_id: newId(), conversation, text, ...(from ? { from } : {}), written_at, failed: null })
    this.#changed()
  }

  retry(client_id: string): void {
    const draft = this.drafts.find((d) => d.client_id === client_id)
    if (draft) draft.failed = null
    this.#changed()
  }

  discard(client_id: string): void {
    this.#settle(client_id)
  }

  /** The stream is live: what waits goes out, what was under way goes out again. */
  online(): void {
    this.#online = true
    this.#inFlight.clear()
    this.#changed()
  }

  offline(): void {
    this.#online = false
  }

  /** The message is there: its draft is done, whichever way that was heard. */
  arrived(client_id: string): void {
    if (this.drafts.some((d) => d.client_id === client_id)) this.#settle(client_id)
  }

  answered(frame: Extract<ServerFrame, { type: 'ok' | 'error' }>): void {
    const draft = this.drafts.find((d) => d.client_id === frame.ref)
    if (!draft) return
    if (frame.type === 'ok') return this.#settle(draft.client_id)
    this.#inFlight.delete(draft.conversation)
    if (PASSING.has(frame.code)) {
      setTimeout(() => this.#changed(), (frame.retry_after_s ?? 0) * 1000 || PAUSE)
    } else {
      draft.failed = sentence(frame.detail)
      this.#changed()
    }
  }

  #settle(client_id: string): void {
    const at = this.drafts.findIndex((d) => d.client_id === client_id)
    const [draft] = at < 0 ? [] : this.drafts.splice(at, 1)
    localStorage.removeItem(this.#key + client_id)
    if (draft && this.#inFlight.get(draft.conversation) === client_id) this.#inFlight.delete(draft.conversation)
    this.#changed()
  }

  #changed(): void {
    for (const draft of this.drafts) localStorage.setItem(this.#key + draft.client_id, JSON.stringify(draft))
    if (!this.#online) return
    for (const { client_id, conversation, text, from, failed } of this.drafts) {
      if (failed !== null || this.#inFlight.has(conversation)) continue
      if (this.send({ type: 'send', ref: client_id, client_id, conversation, text, ...(from ? { from } : {}) })) {
        this.#inFlight.set(conversation, client_id)
      }
    }
  }
}
