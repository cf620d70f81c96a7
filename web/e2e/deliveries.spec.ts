// How far a text has come, and what can be done about it.
import { PIXEL } from './engine'
import { expect, test } from './test'

const CUSTOMER = '+14045550199'
const SHOWN = '+1 404-555-0199'
/** The simulator's numbers that end so are switched off. */
const OFF = '+14045550000'
const OFF_SHOWN = '+1 404-555-0000'

test('a text that failed says why and what to do; Retry sends it again', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  await jake.sms(OFF, OFF_SHOWN)
  await jake.say('Are you there?')
  await expect(jake.deliveries).toHaveText(["Failed: The number can't be reached. Check the number, or try again later. Retry"])
  await expect(jake.row(OFF_SHOWN)).toContainText('⚠ You: Are you there?')

  const answered = jake.page.waitForResponse('**/retry')
  await jake.retry.click()
  const message = await (await answered).json()
  expect(message.deliveries[0].attempt).toBe(2)
  await expect(jake.deliveries).toContainText("Failed: The number can't be reached.")
  await expect(jake.texts).toHaveCount(1)

  // Each that failed can be sent again, also of several in a row.
  await jake.say('Hello?')
  await expect(jake.retry).toHaveCount(2)
})

test.describe('where answers of the carrier get lost', () => {
  test.use({ knobs: { lose_answer_every: 1, silent: true } })

  test('nobody knows whether it arrived, and the page says so; two clicks on Retry make one text', async ({ engine, enter }) => {
    await engine.telephones()
    const jake = await enter('201')
    const tab = await jake.tab()
    await jake.sms(CUSTOMER, SHOWN)
    await jake.say('Did you get this?')
    const words = ['Unconfirmed: Nobody knows whether it arrived. Retry may send it twice. Retry']
    await expect(jake.deliveries).toHaveText(words)
    await tab.open(SHOWN)
    await expect(tab.deliveries).toHaveText(words)
    expect(await engine.received(CUSTOMER)).toEqual(['Did you get this?'])

    // Both screens show the first attempt, and on both it is clicked before the engine hears of either.
    let held = 0
    let go = (): void => undefined
    const both = new Promise<void>((done) => (go = done))
    for (const { page } of [jake, tab]) {
      await page.route('**/retry', async (route) => {
        if (++held === 2) go()
        await both
        await route.continue()
      })
    }
    const answers = [jake, tab].map(({ page }) => page.waitForResponse('**/retry'))
    await Promise.all([jake.retry.click(), tab.retry.click()])
    for (const answer of answers) expect((await answer).status()).toBe(200)
    await expect.poll(() => engine.received(CUSTOMER)).toHaveLength(2)
    await expect(jake.deliveries).toHaveText(words)
    await expect(tab.deliveries).toHaveText(words)
    const { items } = await jake.page.evaluate(async () => {
      const { items: rows } = await (await fetch('/v1/conversations')).json()
      return (await fetch(`/v1/conversations/${rows[0].id}/messages`)).json()
    })
    expect(items[0].deliveries[0].attempt).toBe(2)
    expect(await engine.received(CUSTOMER)).toHaveLength(2)
  })
})

test.describe('where everything takes its time', () => {
  test.use({ knobs: { delay_ms: 700, receipt_delay_ms: 700 } })

  test('a text goes its way before one’s eyes, and doesn’t move the timeline', async ({ engine, enter }) => {
    await engine.telephones()
    const jake = await enter('201')
    await jake.sms(CUSTOMER, SHOWN)
    await jake.say('On its way')
    for (const state of ['Sending…', 'Sent', 'Delivered']) await expect(jake.deliveries).toHaveText([state])
    await expect(jake.row(SHOWN)).not.toContainText('unread')
  })

  test('offline while texts are under way, and back: they have come as far as they have', async ({ engine, enter }) => {
    await engine.telephones()
    const jake = await enter('201')
    await jake.sms(CUSTOMER, SHOWN)
    await jake.say('One')
    await expect(jake.deliveries).toHaveText(['Sending…'])
    await jake.offline()
    await jake.say('Two')
    await expect(jake.page.getByText('Waiting for the connection')).toBeVisible()
    await expect.poll(() => engine.received(CUSTOMER)).toEqual(['One'])
    await engine.text(CUSTOMER, 'Hello?', { media: [PIXEL] })

    await jake.online()
    await expect(jake.texts).toHaveText(['One', 'Hello?', 'Two'], { timeout: 20_000 })
    await expect(jake.deliveries).toHaveText(['Delivered', 'Delivered'])
    await expect(jake.page.getByRole('link', { name: 'Open the picture' })).toBeVisible()
    expect(await engine.received(CUSTOMER)).toEqual(['One', 'Two'])
  })

  test('a reload while texts are under way shows them as they are', async ({ engine, enter }) => {
    await engine.telephones()
    const jake = await enter('201')
    await jake.sms(CUSTOMER, SHOWN)
    await jake.say('One')
    await jake.sentAll()
    await jake.page.reload()
    await jake.open(SHOWN)
    await expect(jake.texts).toHaveText(['One'])
    await expect(jake.deliveries).toHaveText(['Delivered'])
  })
})

test.describe('where receipts come twice and in the wrong order', () => {
  test.use({ knobs: { receipts: 2, reorder: true } })

  test('what was delivered stays delivered', async ({ engine, enter }) => {
    await engine.telephones()
    const jake = await enter('201')
    await jake.sms(CUSTOMER, SHOWN)
    await jake.say('One', 'Two', 'Three')
    await expect(jake.texts).toHaveCount(3)
    await expect(jake.deliveries).toHaveText(['Delivered'])
  })
})

test('a Retry that can’t be sent says why, and works when it can', async ({ engine, enter }) => {
  await engine.telephones()
  const jake = await enter('201')
  await jake.sms(OFF, OFF_SHOWN)
  await jake.say('Hello')
  await expect(jake.retry).toBeVisible()
  jake.line.cut()
  await jake.retry.click()
  await expect(jake.page.getByRole('alert')).toHaveText('The engine can’t be reached.')
  jake.line.mend()
  await expect(jake.reconnecting).toHaveCount(0)
  const answered = jake.page.waitForResponse('**/retry')
  await jake.retry.click()
  expect((await answered).status()).toBe(200)
  await expect(jake.page.getByRole('alert')).toHaveCount(0)
})
