// Who wants no texts gets none: the page says so, at once, and on every screen.
import { MAIN } from './engine'
import { expect, test } from './test'

const CUSTOMER = '+14045550199'
const SHOWN = '+1 404-555-0199'
const STOPPED = 'They asked for no more texts. They can text START to take texts again.'

test('STOP closes the composer while somebody writes, START opens it again', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  await jake.sms(CUSTOMER, SHOWN)
  await jake.say('Our summer sale begins')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  await jake.composer.pressSequentially('And also')

  await engine.text(CUSTOMER, 'stop')
  await expect(jake.closed(STOPPED)).toBeVisible()
  await expect(jake.composer).toHaveCount(0)
  await expect(jake.pill('Opted out of texts from +1 404-555-0100')).toBeVisible()
  // The answer to it goes out by itself, in our name.
  await expect(jake.page.getByRole('log').getByText('Automatic', { exact: true })).toBeVisible()
  expect(await engine.received(CUSTOMER)).toHaveLength(2)
  // It is theirs to take back.
  await expect(jake.page.getByRole('button', { name: 'More', exact: true })).toHaveCount(0)

  await engine.text(CUSTOMER, 'START')
  await expect(jake.pill('Opted in to texts from +1 404-555-0100')).toBeVisible()
  await expect(jake.composer).toHaveValue('And also')
  await jake.composer.press('Enter')
  await expect.poll(() => engine.received(CUSTOMER)).toContain('And also')
})

test('“Asked me to stop”, of this number: the other number’s thread goes on', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  const { page, dialog } = jake
  await jake.sms(CUSTOMER, SHOWN)
  await jake.say('Hello')
  await jake.sentAll()
  await jake.more('Asked me to stop')
  await expect(dialog.getByRole('radio', { name: /^This number/ })).toBeChecked()
  await dialog.getByRole('button', { name: 'Record' }).click()
  await expect(dialog).toHaveCount(0)
  await expect(jake.closed(STOPPED)).toBeVisible()
  await expect(jake.pill('Opted out of texts from +1 404-555-0100')).toBeVisible()
  await expect(jake.texts).toHaveText(['Hello'])

  await page.getByRole('button', { name: 'from +1 404-555-0100 · Main line' }).click()
  await page.getByRole('menuitemradio', { name: '+1 404-555-0101' }).click()
  await expect(page.getByRole('button', { name: 'from +1 404-555-0101 · Sales' })).toBeVisible()
  await jake.say('From sales')
  await expect(jake.deliveries).toHaveText(['Delivered'])
})

test('“Asked me to stop”, of the whole company: every colleague’s screen says so, until they take texts again', async ({
  engine,
  enter,
}) => {
  await engine.telephones()
  const jake = await enter('201')
  const ann = await enter('202')
  for (const person of [jake, ann]) {
    await person.sms(CUSTOMER, SHOWN)
    await person.say('Hello')
    await person.sentAll()
  }
  await jake.more('Asked me to stop')
  await jake.dialog.getByRole('radio', { name: /^The whole company/ }).check()
  await jake.dialog.getByRole('button', { name: 'Record' }).click()
  for (const person of [jake, ann]) await expect(person.closed(STOPPED)).toBeVisible()
  await expect(jake.pill('Opted out of all texts')).toBeVisible()

  await jake.more('Takes texts again')
  await jake.dialog.getByRole('button', { name: 'They said so' }).click()
  await expect(jake.dialog).toHaveCount(0)
  for (const person of [jake, ann]) await expect(person.composer).toBeVisible()
  await jake.say('Welcome back')
  await expect.poll(() => engine.received(CUSTOMER)).toContain('Welcome back')
})

test('STOP while the page is offline: it knows when it is back, and what was written meanwhile doesn’t go out', async ({
  engine,
  enter,
}) => {
  await engine.telephones()
  const jake = await enter('201')
  await jake.sms(CUSTOMER, SHOWN)
  await jake.say('Hello')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  await jake.offline()
  await jake.say('Written in the dark')
  await engine.text(CUSTOMER, 'STOP')
  await jake.online()
  await expect(jake.closed(STOPPED)).toBeVisible({ timeout: 20_000 })
  await expect(jake.page.getByRole('alert')).toContainText('Not sent: They asked for no more texts from this number')
  await jake.page.getByRole('button', { name: 'Discard' }).click()
  await expect(jake.text('Written in the dark')).toHaveCount(0)
  expect(await engine.received(CUSTOMER)).not.toContain('Written in the dark')
})

test('in a group, who asked for no texts is passed over, and it is said', async ({ engine, enter }) => {
  await engine.telephones()
  await engine.text(CUSTOMER, 'STOP', { to: MAIN })
  await (await engine.client('201')).group('Ops', '202', CUSTOMER, '+14045550198')
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.open('Ops')
  await ann.open('Ops')
  await jake.say('The hall is open')
  await expect(ann.text('The hall is open')).toBeVisible()
  await expect(jake.deliveries.first()).toHaveText('Delivered to 1 of 2 · 1 failed')
  await jake.deliveries.first().click()
  const lines = jake.page.getByRole('list', { name: 'Deliveries' }).getByRole('listitem')
  await expect(lines.filter({ hasText: SHOWN })).toContainText('Failed: They asked for no more texts.')
  await expect(lines.filter({ hasText: '+1 404-555-0198' })).toContainText('Delivered')
  expect(await engine.received('+14045550198')).toEqual(['The hall is open'])
})
