import { Stream } from './stream'
import { expect, test } from './test'

test('the network goes and comes back: what was written on both sides is there, in order, once, without a reload', async ({
  engine,
  enter,
}) => {
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.chat('Ann Lee')
  await jake.say('Before')
  await ann.open('Jake Miller')
  await expect(ann.text('Before')).toBeVisible()
  await expect(jake.reconnecting).toHaveCount(0)

  await jake.offline()
  await jake.say('One', 'Two', 'Three')
  await expect(jake.texts).toHaveText(['Before', 'One', 'Two', 'Three'])
  await expect(jake.page.getByText('Waiting for the connection')).toHaveCount(3)
  await ann.say('Are you there?')
  await ann.sentAll()

  await jake.online()
  await expect(jake.reconnecting).toHaveCount(0)
  const all = ['Before', 'Are you there?', 'One', 'Two', 'Three']
  await expect(jake.texts).toHaveText(all)
  await expect(ann.texts).toHaveText(all)
  await jake.sentAll()
  expect(await (await engine.client('201')).texts('202')).toEqual(all)
})

test('the engine is killed while people write: nothing acknowledged is lost, nothing is there twice', async ({ engine, enter }) => {
  // In windows so tall that all of it is in view: only that is in the page.
  const jake = await enter('201', { viewport: { width: 1280, height: 3_600 } })
  const ann = await enter('202', { viewport: { width: 1280, height: 3_600 } })
  await jake.chat('Ann Lee')
  await jake.say('Begin')
  await ann.open('Jake Miller')
  await expect(ann.text('Begin')).toBeVisible()

  // In the middle of a stream of messages, each under way or waiting when the power goes.
  const numbers = Array.from({ length: 40 }, (_, i) => `${i + 1}`)
  const writing = jake.say(...numbers)
  await expect(ann.text('10')).toBeVisible()
  const seen = (await ann.texts.allTextContents()).map((text) => text.trim())
  await engine.kill()
  await writing
  await expect(jake.reconnecting).toBeVisible()
  await expect(ann.reconnecting).toBeVisible()
  await expect(jake.page.getByText('Waiting for the connection')).not.toHaveCount(0)
  await ann.say('Hello?')

  await engine.run()
  await expect(jake.reconnecting).toHaveCount(0, { timeout: 30_000 })
  await expect(ann.reconnecting).toHaveCount(0, { timeout: 30_000 })
  await expect(jake.texts).toHaveCount(42)
  await jake.sentAll()
  await ann.sentAll()

  const all = await (await engine.client('201')).texts('202')
  expect(all.slice(0, seen.length)).toEqual(seen)
  expect(all.filter((text) => text !== 'Hello?')).toEqual(['Begin', ...numbers])
  await expect(jake.texts).toHaveText(all)
  await expect(ann.texts).toHaveText(all)
})

test('a message whose answer was lost on the way is there once', async ({ engine, enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.chat('Ann Lee')
  await jake.say('Begin')
  await ann.open('Jake Miller')
  await jake.sentAll()

  jake.line.deafen()
  await jake.say('Did this arrive?')
  await expect(ann.text('Did this arrive?')).toBeVisible()
  await expect(jake.page.getByText('Sending…')).toBeVisible()

  await jake.offline()
  await jake.online()
  await jake.sentAll()
  await jake.say('Yes')
  const all = ['Begin', 'Did this arrive?', 'Yes']
  await expect(jake.texts).toHaveText(all)
  await expect(ann.texts).toHaveText(all)
  expect(await (await engine.client('201')).texts('202')).toEqual(all)
})

test('a conversation and its history are there after a reload', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'One', 'Two')
  const jake = await enter('201')
  await jake.open('Ann Lee')
  await jake.say('Three')
  await jake.sentAll()

  await jake.page.reload()
  await jake.open('Ann Lee')
  await expect(jake.texts).toHaveText(['One', 'Two', 'Three'])
})

test('a draft survives a reload, and is its conversation’s own', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'Hi')
  await (await engine.client('203')).say('201', 'Hi')
  const jake = await enter('201')
  await jake.open('Ann Lee')
  await jake.composer.fill('I have not sent')
  await jake.open('Omar Haddad')
  await expect(jake.composer).toHaveValue('')

  await jake.page.reload()
  await jake.open('Ann Lee')
  await expect(jake.composer).toHaveValue('I have not sent')
  await expect(jake.text('I have not sent')).toHaveCount(0)

  await jake.composer.press('Enter')
  await jake.page.reload()
  await jake.open('Ann Lee')
  await expect(jake.composer).toHaveValue('')
})

test('a message written while the engine was down survives a reload, and goes out once', async ({ engine, enter }) => {
  const jake = await enter('201')
  await jake.chat('Ann Lee')
  await jake.say('Begin')
  await jake.sentAll()

  await engine.kill()
  await expect(jake.reconnecting).toBeVisible()
  await jake.say('Written in the dark')
  await expect(jake.text('Written in the dark')).toBeVisible()
  await jake.page.reload().catch(() => undefined)

  await engine.run()
  await jake.page.goto(engine.url)
  await jake.open('Ann Lee')
  await expect(jake.texts).toHaveText(['Begin', 'Written in the dark'])
  await jake.sentAll()
  expect(await (await engine.client('202')).texts('201')).toEqual(['Begin', 'Written in the dark'])
})

test('a stopped engine that starts anew finds everybody again', async ({ engine, enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.chat('Ann Lee')
  await jake.say('Before')
  await ann.open('Jake Miller')
  await jake.sentAll()

  await engine.restart()
  await jake.say('After')
  await expect(ann.texts).toHaveText(['Before', 'After'], { timeout: 20_000 })
  await expect(jake.texts).toHaveText(['Before', 'After'])
})

test('a conversation that was opened without a connection fills when it is back', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'One', 'Two')
  const jake = await enter('201')
  await expect(jake.row('Ann Lee')).toContainText('Two')

  await jake.offline()
  await jake.open('Ann Lee')
  await jake.online()
  await expect(jake.reconnecting).toHaveCount(0)
  await expect(jake.texts).toHaveText(['One', 'Two'])
})

test('a chat that can’t begin without a connection says so', async ({ enter }) => {
  const jake = await enter('201')
  await jake.page.getByRole('button', { name: 'New', exact: true }).click()
  await jake.page.getByRole('menuitem', { name: 'Chat' }).click()
  await expect(jake.page.getByRole('option', { name: 'Ann Lee' })).toBeVisible()

  await jake.line.cut()
  await jake.page.getByRole('option', { name: 'Ann Lee' }).click()
  await expect(jake.page.getByRole('alert')).toHaveText('The engine can’t be reached.')

  jake.line.mend()
  await jake.page.getByRole('option', { name: 'Ann Lee' }).click()
  await expect(jake.log('Ann Lee')).toBeVisible()
})

test('the network goes in mid-typing: what is in the box stays, and typing is over for the others', async ({ engine, enter }) => {
  await (await engine.client('201')).group('Ops', '202')
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.open('Ops')
  await ann.open('Ops')
  await jake.composer.pressSequentially('I was about')
  await expect(ann.typing('Jake Miller')).toBeVisible()

  await jake.offline()
  await jake.composer.pressSequentially(' to say')
  await expect(ann.typing('Jake Miller')).toHaveCount(0)
  await jake.online()
  await expect(jake.reconnecting).toHaveCount(0)
  await expect(jake.composer).toHaveValue('I was about to say')
  await jake.composer.pressSequentially(' it')
  await expect(ann.typing('Jake Miller')).toBeVisible()
  await jake.composer.press('Enter')
  await expect(ann.text('I was about to say it')).toBeVisible()
  await expect(ann.typing('Jake Miller')).toHaveCount(0)
  await expect(ann.texts).toHaveCount(1)
})

test('the first snapshot comes while somebody writes already: not a letter is lost', async ({ arrive, enter }) => {
  const ann = await enter('202')
  const jake = await arrive('201')
  const stream = await Stream.to(jake.page)
  stream.hold()
  await jake.signIn()
  await jake.chat('Ann Lee')
  await expect(jake.composer).toBeFocused()

  // The keys go wherever the focus is, as a person's do.
  const { keyboard } = jake.page
  await keyboard.type('Before, ')
  await expect.poll(() => stream.waiting).toBeGreaterThan(1)
  stream.passOne()
  await keyboard.type('within ')
  stream.open()
  await expect(jake.row('Ann Lee')).toBeVisible()
  await keyboard.type('and after')
  await expect(jake.composer).toHaveValue('Before, within and after')
  await keyboard.press('Enter')
  await ann.open('Jake Miller')
  await expect(ann.texts).toHaveText(['Before, within and after'])
  await expect(jake.texts).toHaveText(['Before, within and after'])
  await jake.sentAll()
})

test('all begins anew while somebody writes: the conversation stays open, and what was missed is there', async ({
  engine,
  arrive,
}) => {
  const ann = await engine.client('202')
  await ann.say('201', 'One', 'Two')
  const jake = await arrive('201')
  const stream = await Stream.to(jake.page)
  await jake.signIn()
  await jake.open('Ann Lee')
  await expect(jake.texts).toHaveText(['One', 'Two'])
  const { keyboard } = jake.page
  await keyboard.type('Before, ')

  await jake.offline()
  await ann.say('201', 'Three')
  stream.beginAnew()
  stream.hold()
  await jake.online()
  await expect.poll(() => stream.waiting).toBeGreaterThan(1)
  stream.passOne()
  await keyboard.type('within ')
  // What is on the screen stays there until it is read anew.
  await expect(jake.texts).toHaveText(['One', 'Two'])
  stream.open()
  await expect(jake.texts).toHaveText(['One', 'Two', 'Three'])
  await keyboard.type('and after')
  await keyboard.press('Enter')
  await expect(jake.texts).toHaveText(['One', 'Two', 'Three', 'Before, within and after'])
  await jake.sentAll()
  await ann.say('201', 'Four')
  await expect(jake.texts).toHaveText(['One', 'Two', 'Three', 'Before, within and after', 'Four'])
  expect(await ann.texts('201')).toEqual(['One', 'Two', 'Three', 'Before, within and after', 'Four'])
})

test('all begins anew, and what is open is over for me: it closes, and says so', async ({ engine, arrive }) => {
  const ann = await engine.client('202')
  await ann.group('Ops', '201')
  const jake = await arrive('201')
  const stream = await Stream.to(jake.page)
  await jake.signIn()
  await jake.open('Ops')

  await jake.offline()
  await ann.remove('Ops', '201')
  stream.beginAnew()
  await jake.online()
  await expect(jake.notice('You are no longer in Ops')).toBeVisible()
  await expect(jake.log('Ops')).toHaveCount(0)
  await expect(jake.row('Ops')).toHaveCount(0)
})
