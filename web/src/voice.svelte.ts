// The queues of calls, as the PBX reports them. They are shown, not steered.
import { http, reason, type Problem } from './api/http'
import type { components } from './api/schema'

export type VoiceQueue = components['schemas']['VoiceQueue']

const PAGE = 200
/** Reports come in bursts: so long after the last answer it is asked again, in milliseconds. */
const PAUSE = 250

interface Page {
  data?: { items: VoiceQueue[]; next?: string | null } | undefined
  error?: Problem | undefined
}

export class VoiceQueues {
  /** Those I am an agent of, by name; a supervisor’s are all. Unknown until the engine has answered. */
  all = $state.raw<readonly VoiceQueue[] | null>(null)
  refusal = $state('')
  #asking = false
  #again = false
  #timer = 0

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

  /** Nobody looks at them any more. */
  close(): void {
    clearTimeout(this.#timer)
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
  }
}
