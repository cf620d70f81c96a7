// A carrier's message centre (`tests/smsc`), told how bad to be.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const FOLDER = resolve(import.meta.dirname, '../../tests/smsc')
/** What `state.bind_status` may be: "bind failed" (SMPP 3.4, 5.1.3). */
export const ESME_RBINDFAIL = 0x0d

export class Smsc {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    private readonly control: number,
  ) {}

  static async start(): Promise<Smsc> {
    if (!existsSync(join(FOLDER, 'node_modules'))) execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: FOLDER })
    const child = spawn('node', ['smsc.mjs'], { cwd: FOLDER, stdio: ['pipe', 'pipe', 'inherit'] })
    const { value } = await createInterface({ input: child.stdout! })[Symbol.asyncIterator]().next()
    const { smpp, control } = JSON.parse(value) as { smpp: number; control: number }
    return new Smsc(child, smpp, control)
  }

  /** Its section of the engine's configuration. */
  section(name: string, port = this.port): string {
    return `[carriers.${name}]\nkind = "smpp"\nhost = "127.0.0.1"\nport = ${port}\nsystem_id = "partyline"\npassword = "secret"\npace_per_s = 1000\n`
  }

  /** Alters how it behaves. */
  set = (changes: object): Promise<unknown> => this.#tell('set', changes)

  /** Somebody texts; answers when the engine has it. */
  text = (from: string, to: string, text: string): Promise<unknown> => this.#tell('bring', [{ from, to, text }])

  /** Breaks all links. */
  reset = (): Promise<unknown> => this.#tell('act', 'reset')

  /** What a phone shows. */
  async received(number: string): Promise<string[]> {
    const { phones } = (await this.#tell('seen')) as { phones: { number: string; text: string }[] }
    return phones.filter((got) => got.number === number).map((got) => got.text)
  }

  stop(): void {
    this.child.kill()
  }

  async #tell(command: string, what?: unknown): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.control}/${command}`, { method: 'POST', body: JSON.stringify(what ?? null) })
    return answer.json()
  }
}
