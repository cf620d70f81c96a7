// A queue and the numbers that feed it, which are the numbers' own matter with the engine.
import { http } from '../api/http'
import type { Answer, Form } from './form.svelte'
import { keyFor } from './key'
import type { Pbx } from './pbx.svelte'

export type TypedQueue = {
  name: string
  members: string[]
  /** Those that feed it. */
  numbers: string[]
  idle_timeout_s: number
  unclaimed_timeout_s: number
  timeout_response: string
}

/** Makes a queue, or alters it; without a key it is a new one. */
export async function putQueue(pbx: Pbx, known: string | null, form: Form<TypedQueue>): Promise<Answer> {
  const { numbers, ...said } = form.typed
  const { numbers: isFedAnew, ...changes } = form.changes
  const all = pbx.queues.items ?? []
  const key = known ?? keyFor(said.name, 'queue', new Set(all.map((one) => one.key)))
  // What the form doesn’t show, and what nobody has changed here, stays as it is by now.
  const { key: _, id: __, ...kept } = all.find((one) => one.key === key) ?? { key, id: '' }
  const whole = { ...said, ...kept, ...changes }
  const body = { ...whole, timeout_response: whole.timeout_response?.trim() ? whole.timeout_response : null }
  const { error } = await http.PUT('/v1/pbx/queues/{key}', { params: { path: { key } }, body })
  return error || !isFedAnew ? { error } : feed(pbx, key, new Set(numbers))
}

/** Takes a queue away, and what leads to it. */
export async function deleteQueue(pbx: Pbx, key: string): Promise<Answer> {
  const { error } = await http.DELETE('/v1/pbx/queues/{key}', { params: { path: { key } } })
  return error ? { error } : feed(pbx, key, new Set())
}

/** These numbers feed it, and no others. */
async function feed(pbx: Pbx, key: string, wanted: ReadonlySet<string>): Promise<Answer> {
  for (const one of pbx.numbers.items ?? []) {
    const { number, ...kept } = one
    const isWanted = wanted.has(number)
    if (isWanted === (one.queue === key)) continue
    const body = { ...kept, queue: isWanted ? key : null }
    const { error } = await http.PUT('/v1/pbx/numbers/{number}', { params: { path: { number } }, body })
    if (error) return { error: { ...error, detail: `${pbx.number(number)} is not routed: ${error.detail}` } }
  }
  return {}
}
