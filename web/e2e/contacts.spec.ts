// Whom one may text: found in phonebooks, recent calls and conversations as one types, and known by name everywhere.
import type { Locator } from '@playwright/test'
import { MAIN, SALES, SUPPORT, type Engine } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

const ANN = '+14045550199'
const ANN_SHOWN = '+1 404-555-0199'

/** Jake and Ann have the customers, Jake also the suppliers; Omar has a number, and no phonebook. */
async function office(engine: Engine): Promise<void> {
  await engine.telephones()
  await engine.phonebook('customers', 'Customers', 'crm', {
    'Anna Karenina': ANN,
    'Jürgen Müller': ['+14045550142', '+493012345678'],
    李小龙: '+14045550143',
    'Jakub Novák': '+14045550144',
  })
  await engine.phonebook('suppliers', 'Suppliers', 'manual', { 'Garden Supply': '+14045550145', 'A. Karenina (home)': ANN })
  await engine.provision('201', { caller_ids: [MAIN], phonebooks: ['customers', 'suppliers'] })
  await engine.provision('202', { caller_ids: [SALES], phonebooks: ['customers'] })
  await engine.provision('203', { caller_ids: [MAIN] })
}

async function toText(person: Person): Promise<Locator> {
  await person.page.getByRole('button', { name: 'New', exact: true }).click()
  await person.page.getByRole('menuitem', { name: 'SMS' }).click()
  const box = person.dialog.getByRole('combobox', { name: 'Number' })
  await expect(box).toBeFocused()
  return box
}

const options = (person: Person): Locator => person.dialog.getByRole('listbox').getByRole('option')

test('a contact is found by the last four digits in New → SMS, and the phone receives the text', async ({ engine, enter }) => {
  await office(engine)
  const jake = await enter('201')
  const box = await toText(jake)
  await box.fill('0199')
  await expect(options(jake)).toHaveCount(1)
  await expect(options(jake)).toContainText('Anna Karenina')
  await expect(options(jake).locator('mark')).toHaveText('0199')
  await box.press('Enter')
  await expect(jake.log('Anna Karenina')).toBeVisible()
  await expect(jake.composer).toBeFocused()
  await jake.say('Your order is ready')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  expect(await engine.received(ANN)).toEqual(['Your order is ready'])
})

test('accents, case and punctuation don’t matter, nor in which script a name is written', async ({ engine, enter }) => {
  await office(engine)
  const jake = await enter('201')
  const box = await toText(jake)
  for (const [typed, name] of [
    ['muller', 'Jürgen Müller'],
    ['JÜRGEN', 'Jürgen Müller'],
    ['李', '李小龙'],
    ['novak', 'Jakub Novák'],
    ['555-0145', 'Garden Supply'],
    ['(404) 555-0143', '李小龙'],
  ] as const) {
    await box.fill(typed)
    await expect(options(jake).first(), typed).toContainText(name)
    await expect(options(jake).filter({ hasText: name }).locator('mark').first(), typed).toBeVisible()
  }
})

test('each hit says where it was found, and a number is one row wherever it is known', async ({ engine, enter }) => {
  await office(engine)
  await engine.called('1', '201', '+14045550160', 'WIRELESS CALLER')
  await engine.text('+14045550161', 'Hello?')
  const jake = await enter('201')
  await expect(jake.rows).toHaveCount(1)
  const box = await toText(jake)
  await expect(options(jake)).toHaveCount(2)
  await expect(options(jake).filter({ hasText: 'WIRELESS CALLER' })).toContainText('Recent call')
  await expect(options(jake).filter({ hasText: '+1 404-555-0161' })).toContainText('Conversation')

  await box.fill('supply')
  await expect(options(jake)).toHaveCount(1)
  await expect(options(jake)).toContainText('Phonebook Suppliers')

  // In two phonebooks, with a call and a conversation: one row, by the name of the first phonebook.
  await engine.called('2', '201', ANN, 'A KARENINA')
  await engine.text(ANN, 'It is me')
  await expect(jake.row('Anna Karenina')).toBeVisible()
  await box.fill('0199')
  await expect(options(jake)).toHaveCount(1)
  for (const words of ['Anna Karenina', ANN_SHOWN, 'Phonebook Customers', 'Recent call', 'Conversation']) {
    await expect(options(jake)).toContainText(words)
  }
})

test('what is typed as a whole number comes first as itself, by its name where it has one', async ({ engine, enter }) => {
  await office(engine)
  await engine.text('+14045550177', 'Hello?')
  const jake = await enter('201')
  const box = await toText(jake)
  await box.fill('(404) 555-0123')
  await expect(options(jake)).toHaveCount(1)
  await expect(options(jake).first()).toContainText('(404) 555-0123')
  await box.fill('4045550144')
  await expect(options(jake)).toHaveCount(1)
  await expect(options(jake).first()).toContainText('Jakub Novák')
  await box.press('Enter')
  await expect(jake.log('Jakub Novák')).toBeVisible()
})

test('an answer to what was typed before is dropped, and what still fits stays until the next is there', async ({ engine, enter }) => {
  await office(engine)
  const jake = await enter('201')
  const box = await toText(jake)
  await box.fill('j')
  await expect(options(jake)).toHaveCount(3)

  const held: (() => void)[] = []
  await jake.page.route('**/v1/contacts?*', async (route) => {
    await new Promise<void>((go) => held.push(go))
    await route.continue().catch(() => undefined)
  })
  await box.fill('ja')
  await expect.poll(() => held.length).toBe(1)
  await expect(options(jake)).toHaveText([/Jakub Novák/])
  const dropped = jake.page.waitForEvent('requestfailed', (request) => /[?&]q=ja(&|$)/.test(request.url()))
  await box.fill('supply')
  await dropped
  await expect(options(jake)).toHaveCount(0)
  await expect.poll(() => held.length).toBe(2)
  held.forEach((go) => go())
  await expect(options(jake)).toHaveText([/Garden Supply/])
})

test('somebody outside is found for a group as well, and added to one', async ({ engine, enter }) => {
  await office(engine)
  const jake = await enter('201')
  const { page, dialog } = jake
  await page.getByRole('button', { name: 'New', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Group' }).click()
  await dialog.getByLabel('Name', { exact: true }).fill('Move')
  const box = dialog.getByRole('combobox', { name: 'Members' })
  await box.fill('omar')
  await expect(options(jake)).toHaveText([/Omar Haddad/])
  await box.press('Enter')
  await box.fill('0199')
  await expect(options(jake)).toHaveText([/Anna Karenina.*Customers/])
  await box.press('Enter')
  await expect(dialog.getByRole('button', { name: 'Take Anna Karenina off the list' })).toBeVisible()
  await box.fill('karenina')
  await expect(dialog.getByText('Nobody else by that name or number.'), 'who is picked is not offered again').toBeVisible()
  await dialog.getByRole('button', { name: 'Create' }).click()
  await expect(jake.log('Move')).toBeVisible()
  await jake.say('The van comes at nine')
  await expect(jake.deliveries.first()).toHaveText('Delivered to 1 of 1')
  expect(await engine.received(ANN)).toEqual(['The van comes at nine'])

  await jake.tool('Add').click()
  await box.fill('李')
  await expect(options(jake)).toHaveText([/李小龙/])
  await box.press('Enter')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(page.getByRole('button', { name: '4 members' })).toBeVisible()
  await page.getByRole('button', { name: '4 members' }).click()
  await expect(dialog.getByRole('listitem').filter({ hasText: 'Anna Karenina' })).toBeVisible()
  await expect(dialog.getByRole('listitem').filter({ hasText: '李小龙' })).toBeVisible()
})

test('a renamed contact shows at once on everybody’s screen, in old messages too', async ({ engine, enter }) => {
  await office(engine)
  const moved = '+14045550144'
  await (await engine.client('201')).group('Move', '202', moved)
  await engine.text(moved, 'To Jake')
  await engine.text(moved, 'To Ann', { to: SALES })
  const jake = await enter('201')
  const ann = await enter('202')
  const omar = await enter('203')
  await expect(jake.row('Jakub Novák')).toContainText('To Jake')
  await jake.open('Jakub Novák')
  await ann.open('Jakub Novák')
  await expect(ann.text('To Ann')).toBeVisible()
  await expect(omar.rows).toHaveCount(0)

  await engine.contact('customers', '4', 'Jakub Nowak', moved)
  for (const person of [jake, ann]) {
    await expect(person.row('Jakub Nowak')).toBeVisible()
    await expect(person.log('Jakub Nowak')).toBeVisible()
    await expect(person.page.getByRole('heading', { name: 'Jakub Nowak' })).toBeVisible()
    await expect(person.page.getByRole('log').locator('.by').filter({ hasText: 'Jakub Nowak' })).toHaveCount(1)
    await expect(person.page.getByText('Jakub Novák')).toHaveCount(0)
  }
  await ann.open('Move')
  await ann.page.getByRole('button', { name: '3 members' }).click()
  await expect(ann.dialog.getByRole('listitem').filter({ hasText: 'Jakub Nowak' })).toBeVisible()
  await engine.contact('customers', '4', 'J. Nowak', moved)
  await expect(ann.dialog.getByRole('listitem').filter({ hasText: 'J. Nowak' })).toBeVisible()

  // Nobody knows a name any more: the number is shown as people read it.
  await engine.pbx('PATCH', '/v1/pbx/phonebooks/customers/contacts', [{ key: '4', deleted: true }])
  await expect(jake.row('+1 404-555-0144')).toBeVisible()
  await expect(jake.log('+1 404-555-0144')).toBeVisible()
})

test('names are those of who looks: a phonebook that is taken away takes its names with it', async ({ engine, enter }) => {
  await office(engine)
  await engine.text(ANN, 'To Jake')
  await engine.text(ANN, 'To Ann', { to: SALES })
  const jake = await enter('201')
  const ann = await enter('202')
  await expect(jake.row('Anna Karenina')).toBeVisible()
  await expect(ann.row('Anna Karenina')).toBeVisible()
  await engine.provision('202', { caller_ids: [SALES] })
  await expect(ann.row(ANN_SHOWN)).toBeVisible()
  await expect(jake.row('Anna Karenina')).toBeVisible()
  await engine.provision('202', { caller_ids: [SALES], phonebooks: ['suppliers'] })
  await expect(ann.row('A. Karenina (home)')).toBeVisible()
})

test('who waits in a queue, and who took it, is said by name', async ({ engine, enter }) => {
  await office(engine)
  const { support } = await engine.queues()
  for (const number of ['201', '202'] as const) await (await engine.client(number)).agent(support)
  const jake = await enter('201')
  const ann = await enter('202')
  await engine.text(ANN, 'Is anybody there?', { to: SUPPORT })
  await expect(jake.waiting('Anna Karenina')).toBeVisible()
  await engine.contact('customers', '1', 'Anna Oblonskaya', ANN)
  await expect(jake.waiting('Anna Oblonskaya')).toBeVisible()
  await expect(jake.waiting('Anna Karenina')).toHaveCount(0)
  await ann.claim('Anna Oblonskaya')
  await expect(jake.notice('Ann Lee claimed the conversation with Anna Oblonskaya')).toBeVisible()
})

test('the list and Ctrl+K find a conversation by the name of a contact', async ({ engine, enter }) => {
  await office(engine)
  for (const [from, text] of [[ANN, 'One'], ['+14045550142', 'Two']] as const) await engine.text(from, text)
  const jake = await enter('201')
  await expect(jake.rows).toHaveCount(2)
  await jake.page.getByRole('searchbox', { name: 'Filter conversations' }).fill('muller')
  await expect(jake.rows).toHaveCount(1)
  await expect(jake.row('Jürgen Müller')).toContainText('Two')
  await jake.page.keyboard.press('Control+k')
  await jake.dialog.getByRole('combobox').fill('karenina')
  await expect(options(jake)).toHaveCount(1)
  await jake.page.keyboard.press('Enter')
  await expect(jake.log('Anna Karenina')).toBeVisible()
})

test('a contact is found and texted without a mouse', async ({ engine, enter }) => {
  await office(engine)
  const jake = await enter('201')
  const { page } = jake
  const { keyboard } = page
  await page.getByRole('button', { name: 'New', exact: true }).focus()
  await keyboard.press('Enter')
  await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await expect(jake.dialog.getByRole('combobox', { name: 'Number' })).toBeFocused()
  await keyboard.type('j')
  await expect(options(jake)).toHaveText([/Jakub Novák/, /Jürgen Müller/, /Jürgen Müller/])
  const chosen = jake.dialog.getByRole('listbox').getByRole('option', { selected: true })
  await expect(chosen).toContainText('Jakub Novák')
  await keyboard.press('ArrowUp')
  await expect(chosen).toContainText('Jürgen Müller')
  await keyboard.press('ArrowDown')
  await expect(chosen).toContainText('Jakub Novák')
  await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await expect(jake.log('Jürgen Müller')).toBeVisible()
  await expect(jake.composer).toBeFocused()
})

test('Enter waits for the answer to what is typed', async ({ engine, enter }) => {
  await office(engine)
  const jake = await enter('201')
  const box = await toText(jake)
  await box.pressSequentially('supply')
  await box.press('Enter')
  await expect(jake.log('Garden Supply')).toBeVisible()
})
