// What a person asks of the engine over HTTP. Each answers why not, if not; what is done is on the screen by then.
import { http, reason, type ConsentScope, type Conversation, type Delivery, type Message, type Problem } from './api/http'
import type { Threads } from './threads.svelte'

interface Answer {
  data?: Conversation | undefined
  error?: Problem | undefined
}

export class Requests {
  constructor(
    private readonly threads: Threads,
    private readonly open: (id: string) => void,
  ) {}

  /** The chat with a colleague: the one that is there, or a new one. */
  async chat(extension: string): Promise<string | null> {
    return this.#begun(await http.POST('/v1/conversations', { body: { kind: 'direct', extension } }))
  }

  /** The thread with a number outside, from one of our numbers or from my default. */
  async text(number: string, from?: string): Promise<string | null> {
    const body = { kind: 'sms' as const, number, ...(from ? { from } : {}) }
    return this.#begun(await http.POST('/v1/conversations', { body }))
  }

  /** A new group; the same `client_id` again is the same group. */
  async createGroup(client_id: string, name: string, extensions: string[], numbers: string[]): Promise<string | null> {
    const body = { kind: 'group' as const, client_id, name, extensions, numbers }
    return this.#begun(await http.POST('/v1/conversations', { body }))
  }

  async rename(id: string, name: string): Promise<string | null> {
    return this.#answered(await http.PATCH('/v1/conversations/{id}', { params: { path: { id } }, body: { name } }))
  }

  async add(id: string, extensions: string[], numbers: string[]): Promise<string | null> {
    const params = { path: { id } }
    return this.#answered(await http.POST('/v1/conversations/{id}/participants', { params, body: { extensions, numbers } }))
  }

  async remove(id: string, participant: string): Promise<string | null> {
    const params = { path: { id, who: participant } }
    const { error } = await http.DELETE('/v1/conversations/{id}/participants/{who}', { params })
    return error ? reason(error) : null
  }

  /** Sends a text to somebody outside once more, if it is still as it was seen. */
  async retry({ conversation: id, seq }: Message, { number, attempt }: Delivery): Promise<string | null> {
    const params = { path: { id, seq } }
    const { data, error } = await http.POST('/v1/conversations/{id}/messages/{seq}/retry', { params, body: { number, attempt } })
    if (!data) return reason(error)
    this.threads.get(id)?.update(data)
    return null
  }

  /** Somebody told me that they want no texts, or take them again. */
  async consent(id: string, number: string, opted_out: boolean, scope: ConsentScope): Promise<string | null> {
    const body = { number, opted_out, scope }
    return this.#answered(await http.PUT('/v1/conversations/{id}/consent', { params: { path: { id } }, body }))
  }

  #begun(answer: Answer): string | null {
    // Its messages come while the dialog closes.
    const refused = this.#answered(answer)
    if (answer.data) this.open(answer.data.id)
    return refused
  }

  #answered({ data, error }: Answer): string | null {
    if (!data) return reason(error)
    this.threads.hold(data)
    return null
  }
}
