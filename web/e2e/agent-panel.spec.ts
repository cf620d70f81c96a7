// The Agent Panel: how an agent stands in each queue, and what the others do meanwhile.
import AxeBuilder from '@axe-core/playwright'
import type { Locator, Page } from '@playwright/test'
import { NAMES, SUPPORT, type Engine, type Number } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

const CUSTOMER = '+14045550199'
const ANOTHER = '+14045550198'
const QUEUE = 'SMS Support Queue'
const OTHER = 'Billing Queue'

/** Support, where Jake, Ann and Omar work, and reasons to pause there. Answers the queue's id. */
async function support(engine: Engine): Promise<string> {
  await engine.settings({ pause_reasons: ['Lunch', 'Break', 'Training'] })
  return (await engine.queues()).support
}

/** Who works in support now. */
const members = (engine: Engine, ...numbers: Number[]): Promise<string> => engine.queue('support', QUEUE, numbers)

const texts = (engine: Engine, from: string, text: string): Promise<void> => engine.text(from, text, { to: SUPPORT })

interface VoiceAgent {
  extension: string
  logged_in: boolean
  paused?: boolean
  pause_reason?: string
}
const calls = (engine: Engine, name: string, ...agents: VoiceAgent[]): Promise<unknown> =>
  engine.pbx('PUT', '/v1/pbx/voice-queues/front', { name, agents: agents.map((agent) => ({ paused: false, ...agent })) })

// What is on the screen

async function openPanel({ page }: Person): Promise<void> {
  await page.getByRole('tab', { name: 'Agent Panel' }).click()
  await expect(page.getByRole('heading', { name: 'SMS Queues', exact: true })).toBeVisible()
}

const card = ({ page }: Person, name = QUEUE): Locator => page.getByRole('group', { name, exact: true })
const toggle = ({ page }: Person, name = QUEUE): Locator => page.getByRole('switch', { name: `Log in to ${name}` })
const pause = (who: Person, name = QUEUE): Locator => card(who, name).getByRole('button', { name: 'Pause', exact: true })
const resume = (who: Person, name = QUEUE): Locator => card(who, name).getByRole('button', { name: 'Resume', exact: true })
const standing = (who: Person, name = QUEUE): Locator => card(who, name).getByRole('status')
const agent = (who: Person, number: Number, name = QUEUE): Locator =>
  card(who, name).getByRole('list', { name: `Agents of ${name}` }).getByRole('listitem').filter({ hasText: NAMES[number] })

async function logIn(who: Person, name = QUEUE): Promise<void> {
  await toggle(who, name).click()
  await expect(standing(who, name)).toHaveText('You are available')
}

test('an agent logs in, and is logged in after a reload and on another device', async ({ engine, enter }) => {
  await support(engine)
  await engine.queue('billing', OTHER, ['201'])
  const jake = await enter('201')
  const phone = await enter('201')
  await openPanel(jake)
  await openPanel(phone)
  await expect(card(jake)).toContainText('Texts to +1 404-555-0110')
  await expect(standing(jake)).toHaveText('You are logged out')
  await expect(toggle(jake)).not.toBeChecked()
  await expect(pause(jake)).toHaveCount(0)

  await logIn(jake)
  await expect(toggle(jake)).toBeChecked()
  await expect(agent(jake, '201')).toContainText('Available')
  await expect(toggle(phone)).toBeChecked()
  await expect(standing(phone)).toHaveText('You are available')
  // Each queue is a matter of its own.
  await expect(toggle(jake, OTHER)).not.toBeChecked()

  await jake.page.reload()
  await jake.isIn()
  await openPanel(jake)
  await expect(toggle(jake)).toBeChecked()

  await toggle(phone).click()
  await expect(standing(phone)).toHaveText('You are logged out')
  await expect(toggle(jake)).not.toBeChecked()
})

test('a pause has a reason from the company’s list or in one’s own words, and colleagues see it', async ({ engine, enter }) => {
  await support(engine)
  const jake = await enter('201')
  const ann = await enter('202')
  await openPanel(jake)
  await openPanel(ann)
  await logIn(jake)
  await logIn(ann)
  await expect(agent(ann, '201')).toContainText('Available')
  await expect(card(ann)).toContainText('2 of 3 available')

  await pause(jake).click()
  await expect(jake.page.getByRole('menuitem')).toHaveText(['Lunch', 'Break', 'Training', 'In my own words…'])
  await jake.page.getByRole('menuitem', { name: 'Break' }).click()
  await expect(standing(jake)).toHaveText('Paused: Break')
  await expect(agent(ann, '201')).toContainText('Paused: Break')
  await expect(card(ann)).toContainText('1 of 3 available')
  await expect(pause(jake)).toHaveCount(0)
  await jake.page.reload()
  await jake.isIn()
  await openPanel(jake)
  await expect(standing(jake)).toHaveText('Paused: Break')

  await resume(jake).click()
  await expect(standing(jake)).toHaveText('You are available')
  await expect(agent(ann, '201')).toContainText('Available')

  await pause(jake).click()
  await jake.page.getByRole('menuitem', { name: 'In my own words…' }).click()
  await expect(jake.dialog.getByRole('button', { name: 'Pause', exact: true })).toBeDisabled()
  await expect(jake.dialog.getByLabel('Reason')).toBeFocused()
  await jake.dialog.getByLabel('Reason').fill('Zahnarzt, <b>zurück um drei</b>')
  await jake.dialog.getByRole('button', { name: 'Pause', exact: true }).click()
  await expect(jake.dialog).toHaveCount(0)
  await expect(standing(jake)).toHaveText('Paused: Zahnarzt, <b>zurück um drei</b>')
  await expect(resume(jake)).toBeFocused()
  await expect(agent(ann, '201')).toContainText('Paused: Zahnarzt, <b>zurück um drei</b>')

  // Logging out ends the pause: who logs in again is available.
  await toggle(jake).click()
  await expect(standing(jake)).toHaveText('You are logged out')
  await logIn(jake)
})

test('where the company offers no reasons, a pause needs none', async ({ engine, enter }) => {
  await support(engine)
  await engine.settings({ pause_reasons: [] })
  const jake = await enter('201')
  await openPanel(jake)
  await logIn(jake)
  await pause(jake).click()
  await jake.page.getByRole('menuitem', { name: 'Without a reason' }).click()
  await expect(standing(jake)).toHaveText('Paused')
  await expect(agent(jake, '201')).toContainText('Paused')
})

test('what colleagues do is seen as they do it', async ({ engine, enter }) => {
  const queue = await support(engine)
  const ann = await engine.client('202')
  const jake = await enter('201')
  await openPanel(jake)
  await expect(agent(jake, '202')).toContainText('Logged out')
  await ann.agent(queue)
  await expect(agent(jake, '202')).toContainText('Available')
  await ann.agent(queue, true, 'Training')
  await expect(agent(jake, '202')).toContainText('Paused: Training')
  await ann.agent(queue, false)
  await expect(agent(jake, '202')).toContainText('Logged out')

  // Who comes to the queue and who goes.
  await expect(agent(jake, '204')).toHaveCount(0)
  await members(engine, '201', '202', '204')
  await expect(agent(jake, '204')).toContainText('Logged out')
  await expect(agent(jake, '203')).toHaveCount(0)
})

test('how many wait and how many are mine follows customers and claims', async ({ engine, enter }) => {
  const queue = await support(engine)
  const me = await engine.client('201')
  const ann = await engine.client('202')
  await ann.agent(queue)
  const jake = await enter('201')
  await openPanel(jake)
  await logIn(jake)
  await expect(card(jake)).toContainText(/0 waiting/)
  await expect(card(jake)).toContainText(/0 held by you/)

  await texts(engine, CUSTOMER, 'Is it ready?')
  await expect(card(jake)).toContainText(/1 waiting/)
  await expect(card(jake)).toContainText(/longest \d+:\d\d/)
  const before = await card(jake).getByText(/longest/).textContent()
  await expect(card(jake).getByText(/longest/)).not.toHaveText(before!)
  await texts(engine, ANOTHER, 'Do you deliver?')
  await expect(card(jake)).toContainText(/2 waiting/)
  // A second text of the same customer is no second wait.
  await texts(engine, CUSTOMER, 'Hello?')
  await texts(engine, '+14045550197', 'Are you open?')
  await expect(card(jake)).toContainText(/3 waiting/)

  await ann.step(queue, CUSTOMER, 'claim')
  await expect(card(jake)).toContainText(/2 waiting/)
  await expect(card(jake)).toContainText(/0 held by you/)
  await me.step(queue, ANOTHER, 'claim')
  await expect(card(jake)).toContainText(/1 waiting/)
  await expect(card(jake)).toContainText(/1 held by you/)

  // A pause doesn’t touch what one holds.
  await pause(jake).click()
  await jake.page.getByRole('menuitem', { name: 'Lunch' }).click()
  await expect(card(jake)).toContainText(/1 held by you/)
  await expect(card(jake)).toContainText('you keep it')
  await me.step(queue, ANOTHER, 'release')
  await expect(card(jake)).toContainText(/0 held by you/)
})

test('who is logged out sees how many wait, not who', async ({ engine, enter }) => {
  await support(engine)
  await texts(engine, CUSTOMER, 'Is it ready?')
  const jake = await enter('201')
  await openPanel(jake)
  await expect(card(jake)).toContainText(/1 waiting/)
  await expect(card(jake)).not.toContainText('longest')
  await texts(engine, ANOTHER, 'Do you deliver?')
  await jake.page.getByRole('tab', { name: 'Messages' }).click()
  await openPanel(jake)
  await expect(card(jake)).toContainText(/2 waiting/)
})

test('queues of calls are shown as the phone system reports them, and follow it', async ({ engine, enter }) => {
  await calls(engine, 'Front Desk', { extension: '201', logged_in: true }, { extension: '202', logged_in: false })
  const jake = await enter('201')
  const omar = await enter('203')
  await openPanel(jake)
  await openPanel(omar)
  await expect(agent(jake, '201', 'Front Desk')).toContainText('Available')
  await expect(agent(jake, '202', 'Front Desk')).toContainText('Logged out')
  await expect(card(jake, 'Front Desk').getByRole('switch')).toHaveCount(0)
  await expect(card(jake, 'Front Desk').getByRole('button')).toHaveCount(0)
  await expect(omar.page.getByText('You are in no voice queue.')).toBeVisible()

  await calls(
    engine,
    'Front Desk',
    { extension: '201', logged_in: true },
    { extension: '202', logged_in: true, paused: true, pause_reason: 'Wrap-up' },
    { extension: '203', logged_in: true },
  )
  await expect(agent(jake, '202', 'Front Desk')).toContainText('Paused: Wrap-up')
  await expect(agent(omar, '203', 'Front Desk')).toContainText('Available')
  await calls(engine, 'Reception', { extension: '201', logged_in: true })
  await expect(card(jake, 'Reception')).toBeVisible()
  await expect(card(jake, 'Front Desk')).toHaveCount(0)
  await expect(omar.page.getByText('You are in no voice queue.')).toBeVisible()

  // What happened while the connection was lost is there with it.
  await jake.offline()
  await calls(engine, 'Front Door', { extension: '201', logged_in: false })
  await jake.online()
  await expect(agent(jake, '201', 'Front Door')).toContainText('Logged out')
  await engine.pbx('DELETE', '/v1/pbx/voice-queues/front')
  await expect(jake.page.getByText('You are in no voice queue.')).toBeVisible()
})

// Where the phone system takes requests

/** A program of the phone system is told what agents ask for. */
const takesRequests = (engine: Engine): Promise<unknown> =>
  engine.pbx('PUT', '/v1/pbx/webhooks/pbx', { url: 'https://pbx.example.com/partyline', events: ['voice_agent.requested'] })

test('a change in a queue of calls is asked of the phone system, and shown when it reports it', async ({ engine, enter }) => {
  await engine.settings({ pause_reasons: ['Lunch', 'Break'] })
  await takesRequests(engine)
  await calls(engine, 'Front Desk', { extension: '201', logged_in: false }, { extension: '202', logged_in: true })
  const jake = await enter('201')
  const phone = await enter('201')
  await openPanel(jake)
  await openPanel(phone)
  await expect(standing(jake, 'Front Desk')).toHaveText('You are logged out')
  await toggle(jake, 'Front Desk').click()
  await expect(standing(jake, 'Front Desk')).toContainText('Asked to log you in…')
  await expect(toggle(jake, 'Front Desk')).not.toBeChecked()
  await expect(toggle(jake, 'Front Desk')).toHaveAttribute('aria-disabled', 'true')

  await calls(engine, 'Front Desk', { extension: '201', logged_in: true }, { extension: '202', logged_in: true })
  for (const device of [jake, phone]) {
    await expect(standing(device, 'Front Desk')).toHaveText('You are available')
    await expect(toggle(device, 'Front Desk')).toBeChecked()
  }
  await pause(jake, 'Front Desk').click()
  await jake.page.getByRole('menuitem', { name: 'Lunch' }).click()
  await expect(standing(jake, 'Front Desk')).toContainText('Asked to pause…')
  await calls(engine, 'Front Desk', { extension: '201', logged_in: true, paused: true, pause_reason: 'Lunch' })
  await expect(standing(jake, 'Front Desk')).toHaveText('Paused: Lunch')
  await resume(jake, 'Front Desk').click()
  await expect(standing(jake, 'Front Desk')).toContainText('Asked to resume…')

  // Nobody takes requests any more: then it is shown, and not steered.
  await engine.pbx('DELETE', '/v1/pbx/webhooks/pbx')
  await calls(engine, 'Front Desk', { extension: '201', logged_in: true })
  await expect(card(jake, 'Front Desk').getByRole('switch')).toHaveCount(0)
})

test('what the phone system doesn’t report is forgotten after a while', async ({ engine, arrive }) => {
  await takesRequests(engine)
  await calls(engine, 'Front Desk', { extension: '201', logged_in: false })
  const jake = await arrive('201')
  await jake.page.clock.install()
  await jake.signIn()
  await openPanel(jake)
  await toggle(jake, 'Front Desk').click()
  await expect(standing(jake, 'Front Desk')).toContainText('Asked to log you in…')
  await jake.page.clock.fastForward(16_000)
  await expect(standing(jake, 'Front Desk')).toHaveText('You are logged out')
  await expect(toggle(jake, 'Front Desk')).toHaveAttribute('aria-disabled', 'false')
})

test('a supervisor who is no agent of a queue of calls has no controls in it', async ({ engine, enter }) => {
  await takesRequests(engine)
  await engine.provision('201', { role: 'supervisor' })
  await calls(engine, 'Front Desk', { extension: '202', logged_in: true })
  const jake = await enter('201')
  await openPanel(jake)
  await expect(agent(jake, '202', 'Front Desk')).toContainText('Available')
  await expect(card(jake, 'Front Desk').getByRole('switch')).toHaveCount(0)
})

test('of many agents a few are shown, those who are available first, and all of them on demand', async ({ engine, enter }) => {
  const many = Array.from({ length: 40 }, (_, i) => ({ extension: `${300 + i}`, logged_in: i >= 38 }))
  await calls(engine, 'Front Desk', { extension: '201', logged_in: false }, ...many)
  const jake = await enter('201')
  await openPanel(jake)
  const agents = card(jake, 'Front Desk').getByRole('listitem')
  await expect(agents).toHaveCount(8)
  await expect(agents.nth(0)).toContainText('338')
  await expect(agents.nth(1)).toContainText('339')
  await expect(agents.nth(2)).toContainText('Logged out')
  await expect(card(jake, 'Front Desk')).toContainText('2 of 41 available')
  const more = card(jake, 'Front Desk').getByRole('button', { name: 'Show all 41' })
  await more.click()
  await expect(agents).toHaveCount(41)
  await expect(agent(jake, '201', 'Front Desk')).toBeVisible()
  await card(jake, 'Front Desk').getByRole('button', { name: 'Show fewer' }).click()
  await expect(agents).toHaveCount(8)
})

test('a panel with nothing to press is scrolled by keys', async ({ engine, enter }) => {
  for (let i = 0; i < 12; i++) {
    const agents = [{ extension: '201', logged_in: true, paused: false }]
    await engine.pbx('PUT', `/v1/pbx/voice-queues/${i}`, { name: `Line ${i}`, agents })
  }
  const jake = await enter('201')
  await openPanel(jake)
  await expect(card(jake, 'Line 11')).toBeVisible()
  await clean(jake.page)
  await expect(jake.page.getByRole('heading', { name: 'SMS Queues' })).not.toBeInViewport()
  await jake.page.getByRole('button', { name: 'Sign out' }).focus()
  await jake.page.keyboard.press('Tab')
  await jake.page.keyboard.press('End')
  await expect(jake.page.getByRole('heading', { name: 'SMS Queues' })).toBeInViewport()
})

test('a colleague’s new name is there at once', async ({ engine, enter }) => {
  await support(engine)
  await calls(engine, 'Front Desk', { extension: '201', logged_in: true }, { extension: '202', logged_in: true })
  const jake = await enter('201')
  await openPanel(jake)
  await expect(agent(jake, '202', 'Front Desk')).toBeVisible()
  await engine.provision('202', { name: 'Ann Li-Meyer' })
  await expect(card(jake, 'Front Desk').getByText('Ann Li-Meyer')).toBeVisible()
  await expect(card(jake).getByText('Ann Li-Meyer')).toBeVisible()
})

test('who is in no queue is told so, and sees one as soon as they are', async ({ engine, enter }) => {
  await members(engine, '202')
  const jake = await enter('201')
  await openPanel(jake)
  await expect(jake.page.getByText('You are in no SMS queue.')).toBeVisible()
  await members(engine, '201', '202')
  await expect(toggle(jake)).toBeVisible()
  await logIn(jake)
  await members(engine, '202')
  await expect(jake.page.getByText('You are in no SMS queue.')).toBeVisible()
  // Who comes back begins logged out.
  await members(engine, '201', '202')
  await expect(toggle(jake)).not.toBeChecked()
})

test('nothing is shown before the engine has said so, and a refusal is in plain words', async ({ engine, enter }) => {
  await support(engine)
  const jake = await enter('201')
  const { page } = jake
  await openPanel(jake)
  let asked = 0
  let release = (): void => undefined
  const held = new Promise<void>((done) => (release = done))
  await page.route('**/v1/queues/*/agent', async (route) => {
    asked++
    await held
    await route.continue()
  })
  await toggle(jake).focus()
  await page.keyboard.press('Space')
  await expect(toggle(jake)).toHaveAttribute('aria-busy', 'true')
  await expect(toggle(jake)).not.toBeChecked()
  await page.keyboard.press('Space')
  await page.keyboard.press('Enter')
  release()
  await expect(toggle(jake)).toBeChecked()
  await expect(toggle(jake)).toBeFocused()
  await expect(toggle(jake)).toHaveAttribute('aria-busy', 'false')
  expect(asked).toBe(1)
  await page.unroute('**/v1/queues/*/agent')

  const problem = { title: 'Unavailable', status: 503, code: 'storage_unavailable', detail: 'the database can’t be reached: nothing has changed' }
  await page.route('**/v1/queues/*/agent', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', json: problem }),
  )
  await toggle(jake).click()
  await expect(card(jake).getByRole('alert')).toHaveText('The database can’t be reached: nothing has changed.')
  await expect(toggle(jake)).toBeChecked()
  await pause(jake).click()
  await page.getByRole('menuitem', { name: 'In my own words…' }).click()
  await jake.dialog.getByLabel('Reason').fill('Dentist')
  await page.keyboard.press('Enter')
  await expect(jake.dialog.getByRole('alert')).toHaveText('The database can’t be reached: nothing has changed.')
  await expect(jake.dialog.getByLabel('Reason')).toHaveValue('Dentist')
  await page.unroute('**/v1/queues/*/agent')
  await page.keyboard.press('Enter')
  await expect(jake.dialog).toHaveCount(0)
  await expect(standing(jake)).toHaveText('Paused: Dentist')
  await expect(card(jake).getByRole('alert')).toHaveCount(0)
})

test('two devices of an agent at odds end as the engine has it', async ({ engine, enter }) => {
  await support(engine)
  const jake = await enter('201')
  const phone = await enter('201')
  await openPanel(jake)
  await openPanel(phone)
  await logIn(jake)
  await expect(pause(phone)).toBeVisible()
  await pause(jake).click()
  await pause(phone).click()
  // Neither hears of the other before both have asked.
  let asked = 0
  let release = (): void => undefined
  const held = new Promise<void>((done) => (release = done))
  const answers = [jake, phone].map(({ page }) => page.waitForResponse('**/v1/queues/*/agent'))
  for (const { page } of [jake, phone]) {
    await page.route('**/v1/queues/*/agent', async (route) => {
      if (++asked === 2) release()
      await held
      await route.continue()
    })
  }
  await jake.page.getByRole('menuitem', { name: 'Lunch' }).click()
  await phone.page.getByRole('menuitem', { name: 'Training' }).click()
  await Promise.all(answers)
  // A third device knows nothing but how it ended.
  const third = await enter('201')
  await openPanel(third)
  await expect(standing(third)).toHaveText(/Paused: (Lunch|Training)$/)
  const last = await standing(third).textContent()
  await expect(standing(jake)).toHaveText(last!)
  await expect(standing(phone)).toHaveText(last!)
})

test('all of it without a mouse', async ({ engine, enter }) => {
  const queue = await support(engine)
  const jake = await enter('201')
  const { page } = jake
  const { keyboard } = page
  await page.getByRole('tab', { name: 'Messages' }).focus()
  await keyboard.press('ArrowDown')
  await keyboard.press('ArrowDown')
  const tab = page.getByRole('tab', { name: 'Agent Panel' })
  await expect(tab).toBeFocused()
  await expect(tab).toHaveAttribute('aria-selected', 'true')
  await expect(toggle(jake)).toBeVisible()
  for (const name of ['Alerts', 'Sign out']) {
    await keyboard.press('Tab')
    await expect(page.getByRole('button', { name })).toBeFocused()
  }
  await keyboard.press('Tab')
  await expect(toggle(jake)).toBeFocused()
  await keyboard.press('Space')
  await expect(toggle(jake)).toBeChecked()
  await expect(toggle(jake)).toBeFocused()

  await keyboard.press('Tab')
  await expect(pause(jake)).toBeFocused()
  await keyboard.press('Enter')
  await expect(page.getByRole('menuitem', { name: 'Lunch' })).toBeFocused()
  await keyboard.press('Escape')
  await expect(page.getByRole('menu')).toHaveCount(0)
  await expect(pause(jake)).toBeFocused()
  await keyboard.press('Enter')
  await expect(page.getByRole('menuitem', { name: 'Lunch' })).toBeFocused()
  await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await expect(standing(jake)).toHaveText('Paused: Break')
  await expect(resume(jake)).toBeFocused()
  await keyboard.press('Enter')
  await expect(standing(jake)).toHaveText('You are available')
  await expect(pause(jake)).toBeFocused()

  // Logged out elsewhere, the focus stays in the card.
  await (await engine.client('201')).agent(queue, false)
  await expect(pause(jake)).toHaveCount(0)
  await expect(toggle(jake)).toBeFocused()

  await tab.focus()
  await keyboard.press('ArrowUp')
  await keyboard.press('ArrowUp')
  await expect(page.getByRole('tab', { name: 'Messages' })).toBeFocused()
  await expect(page.getByText('No conversations yet.')).toBeVisible()
})

async function clean(page: Page): Promise<void> {
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map((a) => a.finished)))
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((n) => n.failureSummary ?? n.html) }))
  expect.soft(found).toEqual([])
  // Nothing is wider than the screen.
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [width, height] of [[1280, 800], [360, 740]] as const) {
    test(`axe finds nothing, ${colorScheme}, ${width} px wide`, async ({ engine, enter }) => {
      const jake = await enter('201', { colorScheme, viewport: { width, height } })
      const { page } = jake
      await openPanel(jake)
      await expect(page.getByText('You are in no voice queue.')).toBeVisible()
      await clean(page)

      await engine.provision('203', { name: 'Omar Abd al-Rahman ibn Muhammad Haddad von und zu Hohenlohe' })
      const queue = await support(engine)
      await engine.queue('billing', OTHER, ['201', '202'])
      const reason = 'Back at three, the dentist could not take me any earlier than this'
      await calls(engine, 'Front Desk', { extension: '201', logged_in: true }, { extension: '203', logged_in: true, paused: true, pause_reason: 'x'.repeat(80) })
      await texts(engine, CUSTOMER, 'Is it ready?')
      await (await engine.client('203')).agent(queue, true, reason)
      await (await engine.client('202')).agent(queue)
      await expect(toggle(jake)).toBeVisible()
      await logIn(jake)
      await expect(card(jake)).toContainText(/1 waiting/)
      await expect(agent(jake, '202')).toContainText('Available')
      await clean(page)

      await pause(jake).click()
      await expect(page.getByRole('menu')).toBeVisible()
      await clean(page)
      await page.getByRole('menuitem', { name: 'In my own words…' }).click()
      await jake.dialog.getByLabel('Reason').fill('Dentist')
      await clean(page)
      await page.keyboard.press('Enter')
      await expect(standing(jake)).toHaveText('Paused: Dentist')
      await clean(page)
    })
  }
}
