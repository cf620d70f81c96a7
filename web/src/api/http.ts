// The HTTP API, typed from the engine's own OpenAPI document.
import createClient from 'openapi-fetch'
import type { components, paths } from './schema'

export type Me = components['schemas']['Me']
export type Message = components['schemas']['Message']
export type Conversation = components['schemas']['Conversation']
export type Queue = components['schemas']['MyQueue']
export type QueueAgent = components['schemas']['QueueAgent']
export type QueueName = components['schemas']['QueueName']
export type QueueTaken = components['schemas']['QueueTaken']
export type Person = components['schemas']['Person']
export type Member = components['schemas']['Member']
export type Outsider = components['schemas']['Outsider']
export type Participant = components['schemas']['Participant']
export type Who = components['schemas']['Who']
export type CallerId = components['schemas']['CallerId']
export type Delivery = components['schemas']['Delivery']
export type Attachment = components['schemas']['Attachment']
export type SmsEstimate = components['schemas']['SmsEstimate']
export type ConsentScope = components['schemas']['ConsentScope']
export type Settings = components['schemas']['Settings']
export type ParticipantsChanged = components['schemas']['ParticipantsChanged']
export type ReadMarker = components['schemas']['ReadMarker']
export type ClientFrame = components['schemas']['ClientFrame']
export type ServerFrame = components['schemas']['ServerFrame']
export type EventFrame = components['schemas']['EventFrame']
export type QueueEvent = Extract<EventFrame, { name: `queue.${string}` | 'agent.updated' | 'voice_queue.updated' }>
export type Presence = components['schemas']['Presence']
export type Problem = components['schemas']['Problem']
export type DirectoryEntry = components['schemas']['DirectoryEntry']

export const http = createClient<paths>({ baseUrl: location.origin })

// No answer is an answer, too: nobody who calls has to catch anything.
http.use({
  onError: () =>
    Response.json({ title: 'Unreachable', status: 503, detail: 'the engine can’t be reached', code: 'unreachable' }, { status: 503 }),
})

/** What the engine says of a refusal, or that it can't be reached. */
export function reason(problem: Problem | undefined): string {
  return problem ? sentence(problem.detail) : 'The engine can’t be reached.'
}

export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith('.') ? '' : '.')
}
