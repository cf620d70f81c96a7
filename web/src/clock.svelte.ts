// What time it is with the engine, second by second: what waits and what is due counts on its clock, not on this one's.
import { createSubscriber } from 'svelte/reactivity'

let ahead = 0

/** The engine has said what time it is. */
export function engineTime(at: string): void {
  ahead = Date.parse(at) - Date.now()
}

/** What time it is with the engine, in milliseconds. */
export const engineNow = (): number => Date.now() + ahead

/** One timer, while anything on the screen ticks. */
const ticks = createSubscriber((update) => {
  const timer = setInterval(update, 1_000)
  return () => clearInterval(timer)
})

/** The same, to be read where something ticks. */
export function now(): number {
  ticks()
  return engineNow()
}
