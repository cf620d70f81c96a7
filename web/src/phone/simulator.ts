// What the simulator's page needs of the engine's API.
import type { components } from '../api/schema'

export { http, reason } from '../api/http'

export type CompanyNumber = components['schemas']['CallerId']
export type SimulatedText = components['schemas']['SimulatedText']

/** A number as people read it, where that is known without asking anybody: the simulator's are North American. */
export const readable = (number: string): string => number.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '+1 $1-$2-$3')

export const nameOf = ({ number, label }: CompanyNumber): string => label || readable(number)
