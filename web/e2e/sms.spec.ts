// An agent and a customer: the page of the one, the phone of the other.
import { MAIN, PIXEL, SALES } from './engine'
import { expect, test } from './test'

const CUSTOMER = '+14045550199'
const SHOWN = '+1 404-555-0199'

test('an agent and a customer talk', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  await jake.sms('(404) 555-0199', SHOWN)
  await expect(jake.composer).toBeFocused()
  await expect(jake.page.getByText('from +1 404-555-0100 · Main line')).toBeVisible()
  await jake.say('Your order is ready')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  expect(await engine.received(CUSTOMER)).toEqual(['Your order is ready'])
  await expect(jake.row(SHOWN)).toContainText('SMS')
  await expect(jake.row(SHOWN)).toContainText('You: Your order is ready')

  await engine.text(CUSTOMER, 'Great, I come at five')
  await expect(jake.text('Great, I come at five')).toBeVisible()
  await jake.say('See you', 'Bring the receipt')
  await expect(jake.texts).toHaveText(['Your order is ready', 'Great, I come at five', 'See you', 'Bring the receipt'])
  // Of several in a row that have come as far, it is said once.
  await expect(jake.deliveries).toHaveText(['Delivered', 'Delivered'])
  expect(await engine.received(CUSTOMER)).toEqual(['Your order is ready', 'See you', 'Bring the receipt'])
})

test('a customer who texts first is in the list at once, by a number that people can read', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  const ann = await enter('202')
  await engine.text(CUSTOMER, 'Are you open on Sunday?')
  await expect(jake.row(SHOWN)).toContainText('Are you open on Sunday?')
  await expect(jake.row(SHOWN)).toContainText('1 unread')
  await expect(jake.page).toHaveTitle('(1) Partyline')
  await expect(ann.rows).toHaveCount(0)
  await jake.open(SHOWN)
  await expect(jake.row(SHOWN)).not.toContainText('unread')
  await expect(jake.text('Are you open on Sunday?')).toBeVisible()
})

test('what is no number is refused in words, and nobody’s emergency is texted', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  const { page, dialog } = jake
  await page.getByRole('button', { name: 'New', exact: true }).click()
  await page.getByRole('menuitem', { name: 'SMS' }).click()
  const number = dialog.getByLabel('Number')
  await expect(number).toBeFocused()
  for (const [typed, why] of [
    ['hello', 'That is not a phone number.'],
    ['404 555', 'That is not a whole phone number.'],
    ['911', 'Emergency and service numbers can’t be texted.'],
  ] as const) {
    await number.fill(typed)
    await number.press('Enter')
    await expect(dialog.getByRole('alert')).toHaveText(why.replace('’', "'"))
  }
  await number.fill('+1 (404) 555 0199')
  await number.press('Enter')
  await expect(jake.log(SHOWN)).toBeVisible()
  await expect(jake.composer).toBeFocused()
})

test('who has no number with SMS is told whom to ask, and can when they have one', async ({ engine, enter }) => {
  await engine.telephones()
  const omar = await enter('203')
  const { page, dialog } = omar
  await page.getByRole('button', { name: 'New', exact: true }).click()
  await page.getByRole('menuitem', { name: 'SMS' }).click()
  await expect(dialog.getByText('You have no phone number with SMS: ask the administrator for one.')).toBeVisible()
  await engine.provision('203', { caller_ids: [MAIN] })
  await expect(dialog.getByLabel('Number')).toBeVisible()
  await dialog.getByLabel('Number').fill(CUSTOMER)
  await dialog.getByRole('button', { name: 'Open' }).click()
  await expect(omar.log(SHOWN)).toBeVisible()
  await omar.say('Hello')
  await expect(omar.deliveries).toHaveText(['Delivered'])

  // The number is taken away: the thread can be read, not written.
  await engine.provision('203')
  await expect(omar.closed('You have no phone number with SMS: ask the administrator for one.')).toBeVisible()
  await expect(omar.composer).toHaveCount(0)
  await expect(omar.texts).toHaveText(['Hello'])
  await engine.provision('203', { caller_ids: [SALES] })
  await expect(omar.closed('You can’t text from this number any more: ask the administrator.')).toBeVisible()
  await engine.provision('203', { caller_ids: [MAIN] })
  await expect(omar.composer).toBeVisible()
})

test('another number of ours has a thread of its own, one choice away', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  const { page } = jake
  await jake.sms(CUSTOMER, SHOWN)
  await jake.say('From the main line')
  await jake.sentAll()
  await page.getByRole('button', { name: 'from +1 404-555-0100 · Main line' }).click()
  await page.getByRole('menuitemradio', { name: '+1 404-555-0101' }).click()
  await expect(page.getByRole('button', { name: 'from +1 404-555-0101 · Sales' })).toBeVisible()
  await expect(jake.texts).toHaveCount(0)
  await jake.say('From sales')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  await expect(jake.row(SHOWN)).toHaveCount(2)

  // In the dialog, too.
  await page.getByRole('button', { name: 'New', exact: true }).click()
  await page.getByRole('menuitem', { name: 'SMS' }).click()
  await jake.dialog.getByLabel('Number').fill('404-555-0198')
  await jake.dialog.getByLabel('From').selectOption('+1 404-555-0101 · Sales')
  await jake.dialog.getByRole('button', { name: 'Open' }).click()
  await expect(jake.log('+1 404-555-0198')).toBeVisible()
  await expect(page.getByRole('button', { name: 'from +1 404-555-0101 · Sales' })).toBeVisible()
})

test('short codes and names are read, and can’t be texted back', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  await engine.text('PARCELCO', 'Your parcel arrives today')
  await engine.text('72345', 'Your code is 1234')
  for (const [name, text] of [['PARCELCO', 'Your parcel arrives today'], ['72345', 'Your code is 1234']] as const) {
    await jake.open(name)
    await expect(jake.text(text)).toBeVisible()
    await expect(jake.closed('Short codes and names can’t be texted back.')).toBeVisible()
    await expect(jake.composer).toHaveCount(0)
  }
})

test('a picture arrives, in a box that is there before it', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  await engine.text(CUSTOMER, '', { media: [PIXEL] })
  await expect(jake.row(SHOWN)).toContainText('Picture')
  await jake.open(SHOWN)
  const picture = jake.page.getByRole('link', { name: 'Open the picture' })
  await expect(picture.getByRole('img')).toBeVisible()
  expect(await picture.getByRole('img').evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(1)
  expect((await picture.boundingBox())!.height).toBe(180)
  await expect(jake.texts).toHaveCount(0)

  await expect(picture).toHaveAttribute('target', '_blank')

  await engine.text(CUSTOMER, 'And the list', { media: ['data:application/pdf;base64,JVBERi0xLjQK', 'no picture at all'] })
  await expect(jake.text('And the list')).toBeVisible()
  await expect(jake.page.getByRole('link', { name: /^File application\/pdf/ })).toBeVisible()
  await expect(jake.page.getByText('A file could not be fetched')).toBeVisible()
})

test('segments are counted when it matters, and the character is named that makes it Unicode', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  const { page } = jake
  await jake.sms(CUSTOMER, SHOWN)
  const asked = page.waitForResponse('**/v1/sms/estimate')
  await jake.composer.fill('See you at five')
  await asked
  const foot = page.locator('.composer-foot')
  await expect(foot).toBeEmpty()

  await jake.composer.fill('“Ready”')
  await expect(foot).toContainText('“ ” make this a Unicode text: 70 characters a segment')
  await jake.composer.fill('“Ready')
  await expect(foot).toContainText('“ makes this a Unicode text: 70 characters a segment')
  await expect(foot).toContainText('6 characters · 1 segment')
  await jake.composer.fill('a'.repeat(161))
  await expect(foot).toHaveText('161 characters · 2 segments')

  await jake.composer.fill('a'.repeat(1_601))
  await expect(page.getByText('1601 / 1600')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Send' })).toBeDisabled()
  await jake.composer.fill('')
  await expect(foot).toBeEmpty()
})

test('who waits for a reply is found by a filter, as it changes', async ({ engine, enter }) => {
  await engine.telephones()
  await (await engine.client('202')).say('201', 'Hello')
  const jake = await enter('201')
  const { page } = jake
  await engine.text(CUSTOMER, 'Is it ready?')
  await engine.text('+14045550198', 'Do you deliver?')
  await expect(jake.rows).toHaveCount(3)
  await page.getByRole('button', { name: 'Needs a reply' }).click()
  await expect(jake.rows).toHaveCount(2)
  await jake.open(SHOWN)
  await jake.say('Yes')
  await jake.sentAll()
  // It stays under one's eyes while it is open.
  await expect(jake.rows).toHaveCount(2)
  await jake.open('+1 404-555-0198')
  await expect(jake.rows).toHaveCount(1)
  await jake.say('We do')
  await engine.text(CUSTOMER, 'Thank you')
  await expect(jake.row(SHOWN)).toBeVisible()
  await engine.text('+14045550197', 'STOP')
  await page.getByRole('button', { name: 'All', exact: true }).click()
  await expect(jake.row('+1 404-555-0197')).toBeVisible()
  await page.getByRole('button', { name: 'Needs a reply' }).click()
  await expect(jake.row(SHOWN)).toBeVisible()
  await expect(jake.row('+1 404-555-0197')).toHaveCount(0)
})

test('threads are found by the digits of their number, in the list and by Ctrl+K', async ({ engine, enter }) => {
  await engine.telephones()
  await engine.text(CUSTOMER, 'One')
  await engine.text('+14045550123', 'Two')
  const jake = await enter('201')
  await expect(jake.rows).toHaveCount(2)
  await jake.page.getByRole('searchbox', { name: 'Filter conversations' }).fill('(404) 555-0199')
  await expect(jake.rows).toHaveCount(1)
  await expect(jake.row(SHOWN)).toBeVisible()
  await jake.page.keyboard.press('Control+k')
  await jake.dialog.getByRole('combobox').fill('5550123')
  await expect(jake.dialog.getByRole('option')).toHaveCount(1)
  await jake.page.keyboard.press('Enter')
  await expect(jake.log('+1 404-555-0123')).toBeVisible()
})
