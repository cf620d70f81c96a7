// The one WebSocket: says hello with the cursor, hands frames on, and comes back after it is lost.
import type { ClientFrame, ServerFrame } from './http'

/** Pauses between attempts, in milliseconds: they grow, and no two clients wait alike. */
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000

export interface Handler {
  /** Where the client stands; null to begin anew. */
  position(): { cursor: number | null; epoch: string | null }
  frame(frame: ServerFrame): void
  lost(): void
  /** The session can't go on: sign in again. */
  signedOut(): void
}

export class Socket {
  #ws: WebSocket | null = null
  #attempt = 0
  #timer = 0
  #silence = 0
  #heartbeat = 25_000
  #closed = false

  constructor(private readonly handler: Handler) {
    addEventListener('online', this.#now)
    this.#connect()
  }

  send(frame: ClientFrame): boolean {
    if (this.#ws?.readyState !== WebSocket.OPEN) return false
    this.#ws.send(JSON.stringify(frame))
    return true
  }

  close(): void {
    this.#closed = true
    removeEventListener('online', this.#now)
    clearTimeout(this.#timer)
    clearTimeout(this.#silence)
    this.#ws?.close(1000)
  }

  #now = (): void => {
    if (this.#ws || this.#closed) return
    clearTimeout(this.#timer)
    this.#attempt = 0
    this.#connect()
  }

  #connect(): void {
    const ws = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/v1/ws`)
    this.#ws = ws
    ws.onopen = () => {
      ws.send(JSON.stringify({ type: 'hello', ...this.handler.position() }))
      this.#listen()
    }
    ws.onmessage = (message: MessageEvent<string>) => {
      this.#listen()
      const frame = JSON.parse(message.data) as ServerFrame
      if (frame.type === 'welcome') this.#heartbeat = frame.heartbeat_s * 1000
      if (frame.type === 'ready') this.#attempt = 0
      this.handler.frame(frame)
    }
    ws.onclose = (close) => {
      if (this.#ws !== ws) return
      this.#ws = null
      clearTimeout(this.#silence)
      if (this.#closed) return
      this.handler.lost()
      if (close.code === 4001 || close.code === 4003) this.handler.signedOut()
      else this.#later(close)
    }
  }

  /** Silence for twice the heartbeat is a dead connection: the engine answers a ping at once. */
  #listen(): void {
    clearTimeout(this.#silence)
    this.#silence = window.setTimeout(() => {
      this.send({ type: 'ping' })
      this.#silence = window.setTimeout(() => this.#ws?.close(), this.#heartbeat)
    }, this.#heartbeat)
  }

  #later(close: CloseEvent): void {
    let pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#attempt)
    this.#attempt += 1
    if (close.code === 1001) {
      try {
        pause = (JSON.parse(close.reason) as { retry_after_ms: number }).retry_after_ms
      } catch {
        // No word on when: as after any loss.
      }
    }
    this.#timer = window.setTimeout(() => this.#connect(), pause / 2 + Math.random() * (pause / 2 + 250))
  }
}
