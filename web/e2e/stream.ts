// The stream of events to one page, which a test can hold back, and have begin anew.
import type { Page, WebSocketRoute } from '@playwright/test'

export class Stream {
  #isHeld = false
  #isAnew = false
  #waiting: { page: WebSocketRoute; frame: string | Buffer }[] = []

  private constructor() {}

  /** Before the page connects. */
  static async to(page: Page): Promise<Stream> {
    const stream = new Stream()
    await page.routeWebSocket(/\/v1\/ws$/, (socket) => stream.#accept(socket))
    return stream
  }

  /** How many frames are held back. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** From now on what the engine says waits. */
  hold(): void {
    this.#isHeld = true
  }

  /** The first of what waits arrives. */
  passOne(): void {
    const first = this.#waiting.shift()
    first?.page.send(first.frame)
  }

  /** All of it arrives, and what follows. */
  open(): void {
    this.#isHeld = false
    while (this.waiting > 0) this.passOne()
  }

  /** When it connects again, the page has nothing to go on from: it is sent a snapshot, as after a restore. */
  beginAnew(): void {
    this.#isAnew = true
  }

  #accept(page: WebSocketRoute): void {
    const engine = page.connectToServer()
    page.onMessage((frame) => {
      const said = JSON.parse(frame.toString()) as { type: string }
      const hello = { ...said, cursor: null, epoch: null }
      engine.send(this.#isAnew && said.type === 'hello' ? JSON.stringify(hello) : frame)
    })
    engine.onMessage((frame) => {
      if (this.#isHeld) this.#waiting.push({ page, frame })
      else page.send(frame)
    })
  }
}
