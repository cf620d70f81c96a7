// Much of everything: 10,000 messages, 2,000 conversations. Only what is in view is in the page, and it stays smooth.
import type { Page } from '@playwright/test'
import { Engine, password } from './engine'
import { expect, test as base } from './test'

const test = base.extend<{ engine: Engine }>({
  engine: async ({}, use) => {
    const engine = await Engine.start({ limits: true })
    await use(engine)
    await engine.stop()
  },
})

test.describe.configure({ timeout: 240_000 })

/** Does all of it, so many at once. */
async function all<T>(what: readonly T[], atOnce: number, act: (one: T) => Promise<unknown>): Promise<void> {
  const rest = what.values()
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (const one of rest) await act(one)
  }))
}

async function token(engine: Engine, extension: string): Promise<string> {
  return (await engine.call('', 'POST', '/v1/login', { extension, password: password(extension) })).token as string
}

/** Writes so many messages into a chat of 202 with 201: Line 1, Line 2 … */
async function fill(engine: Engine, count: number, from = 1): Promise<void> {
  const ann = await token(engine, '202')
  const { id } = await engine.call(ann, 'POST', '/v1/conversations', { kind: 'direct', extension: '201' })
  const numbers = Array.from({ length: count }, (_, i) => from + i)
  const say = (n: number): Promise<unknown> => {
    const text = n % 5 === 0 ? `Line ${n}\n${'and more of it, '.repeat(n % 9)}` : `Line ${n}`
    return engine.call(ann, 'POST', `/v1/conversations/${id}/messages`, { client_id: crypto.randomUUID(), text })
  }
  // The first is the first; after it, the order doesn't matter.
  await say(from)
  await all(numbers.slice(1), 40, say)
}

/** Collects, from now on, the tasks that block the page for more than 50 ms. */
async function observe(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(() => {
    const seen: number[] = []
    new PerformanceObserver((list) => list.getEntries().forEach((e) => seen.push(e.duration))).observe({ type: 'longtask' })
    Object.assign(window, { longTasks: seen })
  })
  return () => page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks)
}

/** Wheels through the whole timeline, up and down again; answers the most messages that were in the page. */
async function tour(page: Page, screens: number): Promise<number> {
  return page.getByRole('log').evaluate(async (log, screens) => {
    let most = 0
    const frame = (): Promise<unknown> => new Promise((done) => requestAnimationFrame(done))
    for (const way of [-1, 1]) {
      for (let i = 0; i < screens; i++) {
        log.scrollTop += way * log.clientHeight * 0.9
        await frame()
        await frame()
        most = Math.max(most, log.querySelectorAll('.message').length)
      }
    }
    return most
  }, screens)
}

test('10,000 messages: only what is in view is in the page, and it scrolls as 200 do', async ({ engine, enter }) => {
  await fill(engine, 200)
  const jake = await enter('201')
  const { page } = jake
  await jake.open('Ann Lee')
  const longTasks = await observe(page)
  await tour(page, 30)
  const few = await longTasks()

  await fill(engine, 9_800, 201)
  await page.reload()
  await jake.open('Ann Lee')
  const after = await observe(page)
  // All the way up: as often as older ones come, it goes on.
  const log = jake.log('Ann Lee')
  await expect(async () => {
    await log.evaluate(async (e) => {
      for (let i = 0; i < 60; i++) {
        e.scrollTop = 0
        await new Promise((done) => setTimeout(done, 15))
      }
    })
    expect(await log.locator('.message').count()).toBeLessThan(200)
    await expect(jake.texts.first()).toHaveText('Line 1', { timeout: 100 })
  }).toPass({ timeout: 150_000 })
  const loading = await after()

  // Through all of it, near and far.
  const most = await tour(page, 60)
  for (let part = 0; part <= 20; part++) {
    await log.evaluate((e, part) => (e.scrollTop = (e.scrollHeight * part) / 20), part)
    await page.waitForTimeout(30)
    // There is always something in view.
    const shown = await log.evaluate((e) => {
      const { top, bottom } = e.getBoundingClientRect()
      return [...e.querySelectorAll('.bubble')].filter((b) => b.getBoundingClientRect().bottom > top && b.getBoundingClientRect().top < bottom).length
    })
    expect(shown).toBeGreaterThan(2)
  }
  await log.evaluate((e) => (e.scrollTop = e.scrollHeight / 3))
  await page.getByRole('button', { name: 'Newest' }).click()
  await expect(jake.texts.last()).toBeInViewport({ ratio: 1 })
  const many = (await after()).slice(loading.length)
  const longest = (of: number[]): number => Math.round(Math.max(0, ...of))
  console.log(`the most in the page: ${most}; long tasks: 200: ${few.length}, longest ${longest(few)} ms; 10,000, reading: ${loading.length}, longest ${longest(loading)} ms; scrolling: ${many.length}, longest ${longest(many)} ms`)
  expect(most).toBeLessThan(200)
  // Fifty times as much may not take longer; a machine may be busy.
  expect(longest(many)).toBeLessThan(200 + 3 * longest(few))
})

test('2,000 conversations: only what is in view is in the page, and all can be reached', async ({ engine, enter }) => {
  const ann = await token(engine, '202')
  const make = (n: number): Promise<unknown> =>
    engine.call(ann, 'POST', '/v1/conversations', { kind: 'group', client_id: crypto.randomUUID(), name: `Group ${n}`, extensions: ['201', '203'] })
  for (let n = 1; n <= 2_000; n += 40) await all(Array.from({ length: 40 }, (_, i) => n + i), 20, make)

  const jake = await enter('201')
  const { page } = jake
  await expect(jake.rows.first()).toHaveAttribute('aria-setsize', /\d+/)
  const longTasks = await observe(page)
  const list = page.getByRole('list', { name: 'Conversations' })
  /** Down until so many are there, at the end; answers the most rows that were in the page. */
  const down = (count: number): Promise<number> =>
    list.evaluate(async (e, count) => {
      let most = 0
      const all = (): number => Number(e.querySelector('[aria-setsize]')?.getAttribute('aria-setsize'))
      for (let i = 0; i < 3_000 && (all() < count || e.scrollTop + e.clientHeight < e.scrollHeight - 5); i++) {
        e.scrollTop += 500
        await new Promise((done) => requestAnimationFrame(done))
        most = Math.max(most, e.querySelectorAll('[role=listitem]').length)
      }
      return most
    }, count)
  await down(250)
  const few = await longTasks()
  const most = await down(2_000)
  await expect(jake.rows.first()).toHaveAttribute('aria-setsize', '2000')
  await list.evaluate(async (e) => {
    for (; e.scrollTop > 0; e.scrollTop -= 2_000) await new Promise((done) => requestAnimationFrame(done))
  })
  await expect(jake.row('Group 2000')).toBeInViewport()
  const many = (await longTasks()).slice(few.length)
  expect(most).toBeLessThan(60)

  // One that is far down comes up when something is said in it, and the box finds another at once.
  const { items } = await engine.call(ann, 'GET', '/v1/conversations?q=Group%20117')
  const far = items.find((row: { name: string }) => row.name === 'Group 117')
  await engine.call(ann, 'POST', `/v1/conversations/${far.id}/messages`, { client_id: crypto.randomUUID(), text: 'Hello' })
  await expect(jake.rows.first()).toContainText('Group 117')
  await expect(jake.rows.first()).toContainText('1 unread')
  await page.getByRole('searchbox', { name: 'Filter conversations' }).fill('group 1234')
  await expect(jake.rows).toHaveCount(1)
  const rest = (await longTasks()).slice(few.length + many.length)
  const longest = (of: number[]): number => Math.round(Math.max(0, ...of))
  console.log(`the most rows in the page: ${most}; long tasks: first 250: ${few.length}, longest ${longest(few)} ms; all: ${many.length}, longest ${longest(many)} ms; then ${rest.length}, longest ${longest(rest)} ms`)
  expect(longest([...many, ...rest])).toBeLessThan(200 + 3 * longest(few))
})
