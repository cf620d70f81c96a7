// One person's line to the engine: a SOCKS proxy for their browser that can be cut, as networks are.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export class Line {
  #sockets = new Set<Socket>()
  #isCut = false
  #isDeaf = false

  private constructor(private readonly server: Server) {}

  static async to(port: number): Promise<Line> {
    const server = createServer()
    const line = new Line(server)
    server.on('connection', (browser) => line.#accept(browser, port))
    server.listen(0, '127.0.0.1')
    await new Promise((done) => server.once('listening', done))
    return line
  }

  get proxy(): string {
    return `socks5://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Every connection breaks, and none comes about. */
  cut(): void {
    this.#isCut = true
    this.#sockets.forEach((socket) => socket.destroy())
  }

  /** What the browser sends still arrives, but no answer comes back. */
  deafen(): void {
    this.#isDeaf = true
  }

  mend(): void {
    this.#isCut = false
    this.#isDeaf = false
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((done) => this.server.close(done))
  }

  #accept(browser: Socket, port: number): void {
    this.#hold(browser)
    if (this.#isCut) return void browser.destroy()
    // Greeting, then the request; wherever it asks to go, it goes to the engine.
    browser.once('data', () => {
      browser.write(Buffer.from([5, 0]))
      browser.once('data', () => {
        const engine = connect(port, '127.0.0.1', () => {
          browser.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
          browser.on('data', (data) => engine.write(data))
          engine.on('data', (data) => this.#isDeaf || browser.write(data))
        })
        this.#hold(engine)
        engine.on('close', () => browser.destroy())
        browser.on('close', () => engine.destroy())
      })
    })
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
