// The queues of calls, as the PBX reports them. A change is asked of it, and shown when it has reported that.
import { SvelteMap } from 'svelte/reactivity'
import { http, reason, type Problem } from './api/http'
import type { components } from './api/schema'
import type { AgentState } from './queues.svelte'

/** `takes_requests`: the PBX can be asked to change my state in it. */
export type VoiceQueue = components['schemas']['VoiceQueue'] & { takes_requests?: boolean }

const PAGE = 200
/** Reports come in bursts: so long after the last answer it is asked again, in milliseconds. */
const PAUSE = 250
/** So long an answer of the PBX is awaited, in milliseconds: then what was asked is forgotten. */
const PATIENCE = 15_000

interface Page {
  data?: { items: VoiceQueue[]; next?: string | null } | undefined
  error?: Problem | undefined
}

export class VoiceQueues {
  /** Those I am an agent of, by name; a supervisor’s are all. Unknown until the engine has answered. */
  all = $state.raw<readonly VoiceQueue[] | null>(null)
  refusal = $state('')
  /** What was asked of the PBX, by queue, until it reports it. */
  readonly asked = new SvelteMap<string, AgentState>()
  #waiting = new Map<string, number>()
  #asking = false
  #again = false
  #timer = 0

  constructor(private readonly me: () => string) {}

  /** Asks for them all. What is asked while an answer is awaited is asked once more after it. */
  async load(): Promise<void> {
    if (this.#asking) {
      this.#again = true
      return
    }
    this.#asking = true
    this.#again = false
    await this.#read()
    this.#timer = window.setTimeout(() => {
      this.#asking = false
      if (this.#again) void this.load()
    }, PAUSE)
  }

  /** Asks the PBX to change my state in a queue. Answers why not; what comes of it is reported like all else. */
  async ask(key: string, state: AgentState): Promise<string | null> {
    this.#forget(key)
    this.asked.set(key, state)
    const late = window.setTimeout(() => this.#forget(key), PATIENCE)
    this.#waiting.set(key, late)
    const { error } = await http.PUT('/v1/voice-queues/{key}/agent', { params: { path: { key } }, body: state })
    if (error && this.#waiting.get(key) === late) this.#forget(key)
    return error ? reason(error) : null
  }

  /** Nobody looks at them any more. */
  close(): void {
    clearTimeout(this.#timer)
    for (const key of [...this.asked.keys()]) this.#forget(key)
  }

  #forget(key: string): void {
    clearTimeout(this.#waiting.get(key))
    this.#waiting.delete(key)
    this.asked.delete(key)
  }

  /** What was asked for and has come about is awaited no more. */
  #settle(): void {
    for (const [key, wanted] of [...this.asked]) {
      const queue = this.all?.find((one) => one.key === key)
      const mine = queue?.agents.find(({ extension }) => extension === this.me())
      const isSo = mine && mine.logged_in === wanted.logged_in && mine.paused === wanted.paused
      if (!mine || isSo) this.#forget(key)
    }
  }

  async #read(): Promise<void> {
    const found: VoiceQueue[] = []
    let after: string | null = null
    do {
      const query: { limit: number; after?: string } = { limit: PAGE, ...(after === null ? {} : { after }) }
      const { data, error }: Page = await http.GET('/v1/voice-queues', { params: { query } })
      this.refusal = data ? '' : reason(error)
      if (!data) return
      found.push(...data.items)
      after = data.next ?? null
    } while (after !== null)
    this.all = found.toSorted((a, b) => a.name.localeCompare(b.name) || a.key.localeCompare(b.key))
    this.#settle()
  }
}
