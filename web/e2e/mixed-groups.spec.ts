// Groups of colleagues and of numbers outside.
import { SALES } from './engine'
import { expect, test } from './test'

const CUSTOMER = '+14045550199'
const SHOWN = '+1 404-555-0199'
const SECOND = '+14045550198'
const SECOND_SHOWN = '+1 404-555-0198'

test('a group with a number outside: made, written in, and the reply lands in the author’s own thread', async ({
  engine,
  enter,
}) => {
  await engine.telephones()
  const jake = await enter('201')
  const ann = await enter('202')
  const { page, dialog } = jake
  await page.getByRole('button', { name: 'New', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Group' }).click()
  await dialog.getByLabel('Name', { exact: true }).fill('Move')
  await jake.pick('Ann Lee')
  const box = dialog.getByRole('combobox', { name: 'Members' })
  await box.fill('(404) 555-0199')
  await box.press('Enter')
  await expect(dialog.getByRole('button', { name: 'Take (404) 555-0199 off the list' })).toBeVisible()
  await expect(dialog.getByText('You and 2 more: a message goes out as 1 text')).toBeVisible()
  await dialog.getByRole('button', { name: 'Create' }).click()
  await expect(jake.log('Move')).toBeVisible()
  await expect(page.getByRole('button', { name: '3 members' })).toBeVisible()
  await expect(page.getByText('1 by SMS')).toBeVisible()

  await jake.say('The van comes at nine')
  await expect(ann.row('Move')).toContainText('Jake Miller: The van comes at nine')
  await expect(jake.deliveries.first()).toHaveText('Delivered to 1 of 1')
  expect(await engine.received(CUSTOMER)).toEqual(['The van comes at nine'])
  await ann.open('Move')
  await ann.say('I bring the keys')
  await expect(jake.text('I bring the keys')).toBeVisible()
  // The colleague's deliveries are hers to see.
  await expect(jake.page.getByRole('log').getByRole('button', { name: /^Delivered to/ })).toHaveCount(1)

  await engine.text(CUSTOMER, 'Fine, I am there')
  await expect(jake.row(SHOWN)).toContainText('Fine, I am there')
  await engine.text(CUSTOMER, 'Which keys?', { to: SALES })
  await expect(ann.row(SHOWN)).toContainText('Which keys?')
  await expect(ann.log('Move')).not.toContainText('Which keys?')
})

test('what is no number is said, and taken off the list', async ({ engine, enter }) => {
  await engine.telephones()
  await (await engine.client('201')).group('Move', '202')
  const jake = await enter('201')
  const { dialog } = jake
  await jake.open('Move')
  await jake.tool('Add').click()
  const box = dialog.getByRole('combobox', { name: 'Members' })
  await box.fill('404 555')
  await box.press('Enter')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog.getByRole('alert')).toHaveText('That is not a whole phone number.')
  await box.press('Backspace')
  await expect(dialog.getByRole('button', { name: /^Take/ })).toHaveCount(0)
  await box.fill('404 555 0198')
  await box.press('Enter')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(jake.pill(`${SECOND_SHOWN} added by Jake Miller (201)`)).toBeVisible()
  await expect(jake.page.getByRole('button', { name: '3 members' })).toBeVisible()
  await expect(jake.page.getByText('1 by SMS')).toBeVisible()
})

test('members outside are in the list of members, and can be removed', async ({ engine, enter }) => {
  await engine.telephones()
  await (await engine.client('201')).group('Move', '202', CUSTOMER, SECOND)
  const jake = await enter('201')
  const ann = await enter('202')
  await ann.open('Move')
  await jake.open('Move')
  await jake.page.getByRole('button', { name: '4 members' }).click()
  await expect(jake.dialog.getByRole('listitem')).toHaveCount(4)
  await expect(jake.dialog.getByRole('listitem').last()).toContainText(SHOWN)
  await jake.dialog.getByRole('button', { name: `Remove ${SHOWN}` }).click()
  await jake.dialog.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(jake.dialog.getByRole('listitem')).toHaveCount(3)
  await jake.page.keyboard.press('Escape')
  for (const person of [jake, ann]) {
    await expect(person.pill(`${SHOWN} removed by Jake Miller (201)`)).toBeVisible()
    await expect(person.page.getByRole('button', { name: '3 members' })).toBeVisible()
    await expect(person.page.getByText('1 by SMS')).toBeVisible()
  }
  await jake.say('Without them')
  await expect(jake.deliveries.first()).toHaveText('Delivered to 1 of 1')
  expect(await engine.received(CUSTOMER)).toEqual([])
})

test('what a message costs is said while it is written, and it goes out from the number that was chosen', async ({
  engine,
  enter,
}) => {
  await engine.telephones()
  await (await engine.client('201')).group('Move', '202', CUSTOMER, SECOND, '+14045550197')
  const jake = await enter('201')
  const { page } = jake
  await jake.open('Move')
  const foot = page.locator('.composer-foot')
  await expect(foot).toContainText('Also goes out to 3 numbers from +1 404-555-0100 · Main line')
  await jake.composer.fill('a'.repeat(200))
  await expect(foot).toContainText('3 texts × 2 segments')
  await page.getByRole('button', { name: 'from +1 404-555-0100 · Main line' }).click()
  await page.getByRole('menuitemradio', { name: '+1 404-555-0101' }).click()
  await expect(page.getByRole('button', { name: 'from +1 404-555-0101 · Sales' })).toBeVisible()
  await jake.composer.press('Enter')
  await expect(jake.deliveries.first()).toHaveText('Delivered to 3 of 3')
  const { items } = await engine.call('', 'GET', `/v1/simulator/messages?number=${encodeURIComponent(SECOND)}`)
  expect(items[0].from).toBe(SALES)

  // Up to 4,000 characters among colleagues, 1,600 where it goes out.
  await jake.composer.fill('a'.repeat(1_601))
  await expect(page.getByText('1601 / 1600')).toBeVisible()
})

test('one of three is switched off: the summary says so, and Retry is for that one', async ({ engine, enter }) => {
  await engine.telephones()
  await (await engine.client('201')).group('Move', '202', CUSTOMER, SECOND, '+14045550000')
  const jake = await enter('201')
  await jake.open('Move')
  await jake.say('Nine o’clock')
  const summary = jake.deliveries.first()
  await expect(summary).toHaveText('Delivered to 2 of 3 · 1 failed')
  await summary.click()
  await expect(summary).toHaveAttribute('aria-expanded', 'true')
  const lines = jake.page.getByRole('list', { name: 'Deliveries' }).getByRole('listitem')
  await expect(lines).toHaveCount(3)
  await expect(lines.filter({ hasText: '+1 404-555-0000' })).toContainText('Failed: The number can\'t be reached.')
  await expect(jake.retry).toHaveCount(1)
  const answered = jake.page.waitForResponse('**/retry')
  await jake.page.getByRole('button', { name: 'Retry +1 404-555-0000' }).click()
  expect((await (await answered).json()).deliveries.map((d: { attempt: number }) => d.attempt).sort()).toEqual([1, 1, 2])
  await expect(summary).toHaveText('Delivered to 2 of 3 · 1 failed')
  expect(await engine.received(CUSTOMER)).toEqual(['Nine o’clock'])
})

test('who has no number writes in the group all the same: colleagues get it, and it says who doesn’t', async ({
  engine,
  enter,
}) => {
  await engine.telephones()
  await (await engine.client('201')).group('Move', '203', CUSTOMER)
  const jake = await enter('201')
  const omar = await enter('203')
  await jake.open('Move')
  await omar.open('Move')
  await expect(omar.page.locator('.composer-foot')).toHaveText('You have no phone number with SMS: 1 number won’t get this.')
  await omar.say('I am late')
  await expect(jake.text('I am late')).toBeVisible()
  await expect(omar.deliveries.first()).toHaveText('Delivered to 0 of 1 · 1 failed')
  expect(await engine.received(CUSTOMER)).toEqual([])
})
