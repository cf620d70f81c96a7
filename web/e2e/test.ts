// What every test has: an engine, and people who enter.
import { test as base, expect, type BrowserContextOptions, type Page } from '@playwright/test'
import { Engine, type Knobs, type Number } from './engine'
import { Line } from './line'
import { Person } from './person'

interface Fixtures {
  /** How the telephone network misbehaves: `test.use({ knobs: { … } })`. */
  knobs: Knobs
  engine: Engine
  /** Opens a browser of its own for this person, at the sign-in form. */
  arrive: (number: Number, options?: BrowserContextOptions) => Promise<Person>
  /** The same, and signs in. */
  enter: (number: Number, options?: BrowserContextOptions) => Promise<Person>
}

export const test = base.extend<Fixtures>({
  knobs: [{}, { option: true }],

  engine: async ({ knobs }, use, info) => {
    const engine = await Engine.start({ knobs })
    await use(engine)
    if (info.status !== info.expectedStatus) await info.attach('engine.log', { body: engine.log, contentType: 'text/plain' })
    await engine.stop()
  },

  arrive: async ({ browser, engine }, use) => {
    const people: Person[] = []
    const wrong: string[] = []
    await use(async (number, options = {}) => {
      const line = await Line.to(engine.port)
      const context = await browser.newContext({ ...options, proxy: { server: line.proxy } })
      context.on('page', (page) => watch(page, number, wrong))
      const person = new Person(engine, number, context, await context.newPage(), line)
      people.push(person)
      return person
    })
    for (const { context, line } of people) {
      await context.close()
      await line.close()
    }
    expect(wrong, 'nothing went wrong on any page unseen').toEqual([])
  },

  enter: async ({ arrive }, use) => {
    await use(async (number, options) => {
      const person = await arrive(number, options)
      await person.signIn()
      return person
    })
  },
})

/** Collects what nobody caught, and what the Content-Security-Policy stopped. */
function watch(page: Page, number: string, wrong: string[]): void {
  page.on('pageerror', (error) => wrong.push(`${number}: ${error.stack ?? error.message}`))
  page.on('console', (said) => {
    if (said.text().includes('Content Security Policy')) wrong.push(`${number}: ${said.text()}`)
  })
}

export { expect }
