import type { Engine } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

const texts = Array.from({ length: 200 }, (_, i) => (i % 7 === 4 ? `Line ${i + 1}\nin two` : `Line ${i + 1}`))

/** A chat of 200 messages, seen from its end. */
async function long(engine: Engine, enter: (number: '201') => Promise<Person>): Promise<Person> {
  await (await engine.client('202')).say('201', ...texts)
  const jake = await enter('201')
  await jake.open('Ann Lee')
  await expect(jake.text('Line 200')).toBeInViewport({ ratio: 1 })
  return jake
}

/** Turns the wheel over the timeline. */
async function wheel(jake: Person, by: number): Promise<void> {
  await jake.log('Ann Lee').hover()
  await jake.page.mouse.wheel(0, by)
}

const top = (jake: Person, text: string): Promise<number> => jake.text(text).evaluate((e) => Math.round(e.getBoundingClientRect().top))
const scrolledTo = (jake: Person): Promise<number> => jake.log('Ann Lee').evaluate((e) => e.scrollTop)

test('a long conversation opens at its end, and all of it can be read', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  await expect(async () => {
    await wheel(jake, -3_000)
    await expect(jake.text('Line 1')).toBeInViewport({ timeout: 100 })
  }).toPass()
  await expect(jake.log('Ann Lee')).toContainText(/Today.*Line 1/)

  // Each once, in order, wherever one looks.
  const seen: string[] = []
  await expect(async () => {
    const shown = (await jake.texts.allTextContents()).map((text) => text.trim())
    seen.push(...shown.slice(shown.lastIndexOf(seen.at(-1) ?? '') + 1))
    await wheel(jake, 400)
    expect(seen).toHaveLength(200)
  }).toPass({ intervals: [50] })
  expect(seen).toEqual(texts)
})

test('older messages come without a jump', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  let release = (): void => undefined
  const held = new Promise<void>((done) => (release = done))
  await jake.page.route('**/messages?*before_seq*', async (route) => {
    await held
    await route.continue()
  })

  // Scrolled up, the older ones are on their way; the wheel goes on turning meanwhile.
  const asked = jake.page.waitForRequest('**/messages?*before_seq*')
  await jake.log('Ann Lee').evaluate((e) => (e.scrollTop = 250))
  await asked
  const before = await scrolledTo(jake)
  await wheel(jake, -100)
  await expect.poll(() => scrolledTo(jake)).toBe(before - 100)
  const line = await jake.texts.evaluateAll((all) => all.find((e) => e.getBoundingClientRect().top > 200)?.textContent ?? '')
  const was = await top(jake, line)

  release()
  await expect.poll(() => scrolledTo(jake)).toBeGreaterThan(1_000)
  expect(await top(jake, line)).toBe(was)
  await expect(jake.text(line)).toBeInViewport()
})

test('at the very top, too, older messages come without a jump', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  const came = jake.page.waitForResponse('**/messages?*before_seq*')
  let release = (): void => undefined
  const held = new Promise<void>((done) => (release = done))
  await jake.page.route('**/messages?*before_seq*', async (route) => {
    await held
    await route.continue()
  })
  await jake.log('Ann Lee').evaluate((e) => (e.scrollTop = 0))
  await expect.poll(() => scrolledTo(jake)).toBe(0)
  const was = await top(jake, 'Line 153')

  release()
  await came
  await expect.poll(() => scrolledTo(jake)).toBeGreaterThan(1_000)
  expect(await top(jake, 'Line 153')).toBe(was)
})

test('scrolled up, nothing moves when something arrives, and a button says so', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  const ann = await engine.client('202')
  const button = jake.page.getByRole('button', { name: 'New messages' })
  await wheel(jake, -600)
  await expect(jake.text('Line 200')).not.toBeInViewport()
  await expect(button).toHaveCount(0)
  const line = await jake.texts.evaluateAll((all) => all.find((e) => e.getBoundingClientRect().top > 200)?.textContent ?? '')
  const was = await top(jake, line)

  await ann.say('201', 'Down here')
  await expect(button).toBeVisible()
  await expect(jake.row('Ann Lee')).toContainText('1 unread')
  expect(await top(jake, line)).toBe(was)

  await button.click()
  await expect(jake.text('Down here')).toBeInViewport({ ratio: 1 })
  await expect(button).toHaveCount(0)
  await expect(jake.row('Ann Lee')).not.toContainText('unread')
})

test('at the end, what arrives and what I write is in view', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  await (await engine.client('202')).say('201', 'One', 'Two', 'Three\nof\nmany\nlines')
  await expect(jake.texts.last()).toContainText('Three')
  await expect(jake.texts.last()).toBeInViewport({ ratio: 1 })

  await wheel(jake, -900)
  await expect(jake.texts.last()).not.toBeInViewport()
  await jake.say('Mine')
  await expect(jake.text('Mine')).toBeInViewport({ ratio: 1 })
})

test('a growing composer does not cover the last message', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  await jake.composer.fill('A\nlong\ntext\nof\nmany\nlines')
  await expect.poll(async () => (await jake.composer.boundingBox())?.height).toBeGreaterThan(120)
  await expect(jake.text('Line 200')).toBeInViewport({ ratio: 1 })
})

test('older messages that a lost connection held back come after it', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  await jake.offline()
  await wheel(jake, -20_000)
  await expect.poll(() => scrolledTo(jake)).toBe(0)
  await jake.online()
  await expect(jake.reconnecting).toHaveCount(0)
  await expect(async () => {
    await wheel(jake, 200)
    await wheel(jake, -3_000)
    await expect(jake.text('Line 1')).toBeInViewport({ timeout: 100 })
  }).toPass({ timeout: 10_000 })
})

test('many conversations: all can be reached by scrolling', async ({ engine, enter }) => {
  const numbers = Array.from({ length: 70 }, (_, i) => `${300 + i}`)
  for (const number of numbers) {
    await engine.provision(number, { name: `Colleague ${number}` })
    await (await engine.client(number)).say('201', `From ${number}`)
  }
  const jake = await enter('201')
  await expect(jake.rows.first()).toContainText('Colleague 369')
  await expect(async () => {
    await jake.page.mouse.move(150, 400)
    await jake.page.mouse.wheel(0, 3_000)
    await expect(jake.row('Colleague 300')).toBeInViewport({ timeout: 100 })
  }).toPass()
})

test('what came while I was further up is marked as unread', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  await expect(jake.row('Ann Lee')).not.toContainText('unread')
  await wheel(jake, -900)
  await (await engine.client('202')).say('201', 'While you were away', 'And this')
  await jake.page.getByRole('button', { name: 'New messages' }).click()
  await expect(jake.text('And this')).toBeInViewport({ ratio: 1 })
  await expect(jake.log('Ann Lee')).toHaveText(/Line 200.*Unread from here.*While you were away\s*And this/)
})

test('a window that is made narrower or wider shows the same lines', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  await jake.page.mouse.move(800, 400)
  for (let i = 0; i < 5; i++) {
    await jake.page.mouse.wheel(0, -900)
    await jake.page.waitForTimeout(100)
  }
  const line = await jake.texts.evaluateAll((all) => all.find((e) => e.getBoundingClientRect().top > 80)?.textContent ?? '')
  await jake.page.setViewportSize({ width: 800, height: 600 })
  await expect(jake.text(line)).toBeInViewport()
  await jake.page.setViewportSize({ width: 1280, height: 800 })
  await expect(jake.text(line)).toBeInViewport()
})

test('all of the way up, the line under the eye moves as the wheel turns, and no further', async ({ engine, enter }) => {
  const jake = await long(engine, enter)
  const jumps = await jake.log('Ann Lee').evaluate(async (log) => {
    const frame = (): Promise<unknown> => new Promise((done) => requestAnimationFrame(done))
    const jumps: number[] = []
    let still = 0
    while (still < 30) {
      const eye = [...log.querySelectorAll('.bubble')].find((e) => e.getBoundingClientRect().top > 250)
      const was = eye?.getBoundingClientRect().top ?? 0
      const by = Math.min(60, log.scrollTop)
      log.scrollTop -= by
      // Whatever comes and is laid out meanwhile.
      await frame()
      await frame()
      if (eye?.isConnected) jumps.push(Math.abs(eye.getBoundingClientRect().top - was - by))
      still = by === 0 ? still + 1 : 0
    }
    return jumps
  })
  expect(jumps.length).toBeGreaterThan(100)
  expect(Math.max(...jumps)).toBeLessThan(1.5)
  await expect(jake.text('Line 1')).toBeInViewport()
})
