// The list of conversations (what a row says, what filters it, how the keys move in it), and a group's timeline.
import type { Locator } from '@playwright/test'
import { password, type Engine } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

/** Somebody at the HTTP API: a call as them. */
async function as(engine: Engine, extension: string) {
  const { token } = await engine.call('', 'POST', '/v1/login', { extension, password: password(extension) })
  return {
    call: (method: string, path: string, body?: unknown) => engine.call(token, method, `/v1/conversations${path}`, body),
    group: async (name: string, ...extensions: string[]): Promise<string> =>
      (await engine.call(token, 'POST', '/v1/conversations', { kind: 'group', client_id: crypto.randomUUID(), name, extensions })).id,
    say: (id: string, text: string) =>
      engine.call(token, 'POST', `/v1/conversations/${id}/messages`, { client_id: crypto.randomUUID(), text }),
  }
}

const filter = (of: Person): Locator => of.page.getByRole('searchbox', { name: 'Filter conversations' })
const chip = (of: Person, name: string): Locator => of.page.getByRole('button', { name, exact: true })
const list = (of: Person): Locator => of.page.getByRole('list', { name: 'Conversations' })

test('a row says what it is, who wrote last, and who types', async ({ engine, enter }) => {
  const ann = await as(engine, '202')
  const id = await ann.group('Ops', '201', '203')
  await (await engine.client('203')).say('201', 'Lunch?')
  const jake = await enter('201')
  await expect(jake.row('Ops')).toContainText('GROUP')
  await expect(jake.row('Ops')).toContainText('Group created by Ann Lee (202)')
  await expect(jake.row('Ops')).not.toContainText('unread')
  await expect(jake.row('Omar Haddad')).toContainText('CHAT')
  await expect(jake.row('Omar Haddad').locator('.preview')).toHaveText('Lunch?')

  await ann.say(id, 'Morning all')
  await expect(jake.row('Ops').locator('.preview')).toHaveText('Ann Lee: Morning all')
  await expect(jake.row('Ops')).toContainText('1 unread')
  await (await as(engine, '201')).say(id, 'Morning')
  await expect(jake.row('Ops').locator('.preview')).toHaveText('You: Morning')

  const omar = await enter('203')
  await omar.open('Ops')
  await omar.composer.pressSequentially('Hm')
  await expect(jake.row('Ops').locator('.preview')).toHaveText('Omar Haddad is typing…')
})

test('a draft that was left says so', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'Hi')
  await (await engine.client('203')).say('201', 'Lunch?')
  const jake = await enter('201')
  await jake.open('Ann Lee')
  await jake.composer.fill('Well, I think')
  await expect(jake.row('Ann Lee').locator('.preview')).toHaveText('Hi')
  await jake.open('Omar Haddad')
  await expect(jake.row('Ann Lee').locator('.preview')).toHaveText('Draft: Well, I think')

  await jake.open('Ann Lee')
  await jake.composer.press('Enter')
  await jake.open('Omar Haddad')
  await expect(jake.row('Ann Lee').locator('.preview')).toHaveText('You: Well, I think')
})

test('the box filters by name and number, whatever accents and case; Esc clears it', async ({ engine, enter }) => {
  for (const number of ['202', '203', '204'] as const) await (await engine.client(number)).say('201', 'Hi')
  await (await as(engine, '202')).group('Café crew', '201', '203')
  const jake = await enter('201')
  await expect(jake.rows).toHaveCount(4)

  await filter(jake).fill('zoe')
  await expect(jake.rows).toHaveCount(1)
  await expect(jake.rows).toContainText('Zoë Brandt')
  await filter(jake).fill('cafe')
  await expect(jake.rows).toContainText(['Café crew'])
  await filter(jake).fill('203')
  await expect(jake.rows).toHaveCount(1)
  await expect(jake.rows).toContainText('Omar Haddad')

  // What is found is live.
  await (await engine.client('203')).say('201', 'Are you there?')
  await expect(jake.rows).toContainText('Are you there?')

  await filter(jake).fill('nobody of that name')
  await expect(jake.rows).toHaveCount(0)
  await expect(jake.page.getByText('Nothing by that name or number.')).toBeVisible()
  await filter(jake).press('Escape')
  await expect(filter(jake)).toHaveValue('')
  await expect(jake.rows).toHaveCount(4)
  await expect(filter(jake)).toBeFocused()
})

test('what is further down than the list goes is found, too', async ({ engine, enter }) => {
  const ann = await as(engine, '202')
  const id = await ann.group('The first of all', '201', '203')
  for (let i = 1; i <= 60; i++) await ann.group(`Group ${i}`, '201', '203')
  const jake = await enter('201')
  await expect(jake.rows.first()).toContainText('Group 60')
  await expect(jake.rows.first()).toHaveAttribute('aria-setsize', '50')

  await filter(jake).fill('first of')
  await expect(jake.rows).toHaveCount(1)
  await jake.open('The first of all')
  await ann.say(id, 'Still here?')
  await expect(jake.row('The first of all')).toContainText('Ann Lee: Still here?')
  await filter(jake).fill('')
  await expect(jake.rows.first()).toContainText('The first of all')
})

test('unread: what I open stays while it is open, what comes in comes up', async ({ engine, enter }) => {
  const ann = await engine.client('202')
  await ann.say('201', 'Hi')
  await (await engine.client('203')).say('201', 'Lunch?')
  const jake = await enter('201')
  await jake.open('Omar Haddad')
  await expect(jake.row('Omar Haddad')).not.toContainText('unread')
  await chip(jake, 'Unread').click()
  await expect(chip(jake, 'Unread')).toHaveAttribute('aria-pressed', 'true')
  await expect(jake.rows).toHaveCount(1)
  await expect(jake.rows).toContainText('Ann Lee')

  await (await engine.client('204')).say('201', 'The price list')
  await expect(jake.rows).toHaveCount(2)
  await jake.open('Ann Lee')
  await expect(jake.row('Ann Lee')).not.toContainText('unread')
  await expect(jake.rows).toHaveCount(2)
  await jake.open('Zoë Brandt')
  await expect(jake.rows).toHaveCount(1)
  await expect(jake.rows).toContainText('Zoë Brandt')

  await chip(jake, 'All').click()
  await expect(jake.rows).toHaveCount(3)
  await jake.open('Omar Haddad')
  await chip(jake, 'Unread').click()
  await expect(jake.page.getByText('All read.')).toBeVisible()
})

test('the keys move in a long list, past what is in the page, and the focus is never lost', async ({ engine, enter }) => {
  const ann = await as(engine, '202')
  for (let i = 1; i <= 70; i++) await ann.group(`Group ${i}`, '201', '203')
  const jake = await enter('201')
  const { keyboard } = jake.page
  const focused = jake.page.locator('.row:focus')
  await expect(jake.rows.first()).toContainText('Group 70')

  // From the box into the list; the list is one stop.
  await filter(jake).focus()
  await keyboard.press('ArrowDown')
  await expect(focused).toContainText('Group 70')
  await keyboard.press('ArrowDown')
  await expect(focused).toContainText('Group 69')
  await keyboard.press('PageDown')
  await expect(focused).not.toContainText('Group 69')
  await expect(focused).toBeInViewport({ ratio: 1 })
  // End goes to the end of what is there, and with it more comes.
  await keyboard.press('End')
  await expect(jake.rows.first()).toHaveAttribute('aria-setsize', '70')
  await keyboard.press('End')
  await expect(focused).toContainText('Group 1 G')
  await expect(focused).toBeInViewport({ ratio: 1 })
  await keyboard.press('ArrowDown')
  await expect(focused).toContainText('Group 1 G')

  // Scrolled out of view, and something new above: the focus stays, and the keys go on from there.
  await list(jake).hover()
  await jake.page.mouse.wheel(0, -20_000)
  await expect(jake.row('Group 70')).toBeInViewport()
  await ann.group('Group 71', '201', '203')
  await expect(jake.row('Group 71')).toBeInViewport()
  await expect(focused).toContainText('Group 1 G')
  await keyboard.press('ArrowUp')
  await expect(focused).toContainText('Group 2 G')
  await expect(focused).toBeInViewport({ ratio: 1 })
  await keyboard.press('Home')
  await expect(focused).toContainText('Group 71')
  await keyboard.press('Enter')
  await expect(jake.log('Group 71')).toBeVisible()

  await filter(jake).focus()
  await keyboard.press('ArrowDown')
  await expect(focused).toContainText('Group 71')

  // What is opened from elsewhere comes into view.
  await keyboard.press('End')
  await expect(focused).toContainText('Group 1 G')
  await jake.page.getByRole('button', { name: 'New', exact: true }).click()
  await jake.page.getByRole('menuitem', { name: 'Chat' }).click()
  await jake.page.getByRole('option', { name: 'Zoë Brandt' }).click()
  await expect(jake.row('Zoë Brandt')).toBeInViewport({ ratio: 1 })
})

test('rows know their place among all', async ({ engine, enter }) => {
  const ann = await as(engine, '202')
  for (let i = 1; i <= 30; i++) await ann.group(`Group ${i}`, '201', '203')
  const jake = await enter('201')
  await expect(jake.rows.first()).toContainText('Group 30')
  expect(await jake.rows.count()).toBeLessThan(30)
  await expect(jake.rows.first()).toHaveAttribute('aria-posinset', '1')
  await expect(jake.rows.first()).toHaveAttribute('aria-setsize', '30')
  await expect(jake.row('Group 25')).toHaveAttribute('aria-posinset', '6')
})

test('in a group, each is shown by name, once for what is written in one go; what happened stands between', async ({ engine, enter }) => {
  const ann = await as(engine, '202')
  const id = await ann.group('Ops', '201', '203')
  await ann.say(id, 'One')
  await ann.say(id, 'Two')
  await ann.call('PATCH', `/${id}`, { name: 'Operations' })
  await ann.say(id, 'Three')
  await (await as(engine, '203')).say(id, 'Four')
  const jake = await enter('201')
  await jake.open('Operations')
  await jake.say('Five')
  await jake.sentAll()
  await expect(jake.texts).toHaveText(['One', 'Two', 'Three', 'Four', 'Five'])
  await expect(jake.page.getByRole('log').locator('.by b')).toHaveText(['Ann Lee', 'Ann Lee', 'Omar Haddad', 'You'])
  await expect(jake.page.getByRole('log').locator('.pill')).toHaveText([
    'Group created by Ann Lee (202)',
    'Group renamed to Operations by Ann Lee (202)',
  ])
  await expect(jake.page.getByRole('log').locator('.message .avatar')).toHaveText(['AL', 'AL', 'OH'])
})

test('many readers are folded, and unfold', async ({ engine, enter }) => {
  const numbers = ['205', '206', '207', '208']
  for (const number of numbers) await engine.provision(number, { name: `Reader ${number}` })
  const jakes = await as(engine, '201')
  const id = await jakes.group('Ops', '202', '203', ...numbers)
  const { seq } = await jakes.say(id, 'Have you all seen this?')
  const jake = await enter('201')
  await jake.open('Ops')
  await expect(jake.page.getByText('Sent', { exact: true })).toBeVisible()

  for (const number of ['202', '203']) await (await as(engine, number)).call('PUT', `/${id}/read`, { seq })
  await expect(jake.page.getByText('Read by Ann Lee and Omar Haddad')).toBeVisible()
  await expect(jake.page.getByText('Sent', { exact: true })).toHaveCount(0)

  for (const number of numbers) await (await as(engine, number)).call('PUT', `/${id}/read`, { seq })
  const receipt = jake.page.getByRole('button', { name: 'Read by Ann Lee, Omar Haddad and 4 others' })
  await expect(receipt).toBeInViewport({ ratio: 1 })
  await expect(receipt).toHaveAttribute('aria-expanded', 'false')
  await receipt.click()
  await expect(receipt).toHaveAttribute('aria-expanded', 'true')
  const readers = ['Ann Lee', 'Omar Haddad', ...numbers.map((number) => `Reader ${number}`)]
  await expect(jake.page.getByRole('log').getByRole('listitem')).toHaveText(readers)
  await expect(jake.page.getByRole('log').getByRole('listitem').last()).toBeInViewport({ ratio: 1 })
})
