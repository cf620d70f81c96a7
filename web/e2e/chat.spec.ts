import { expect, test } from './test'

test('two people chat in both directions, in order, each text once', async ({ enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')

  await jake.chat('Ann Lee')
  await jake.say('Morning, Ann', 'Is the new phone there?')
  await ann.open('Jake Miller')
  await expect(ann.texts).toHaveText(['Morning, Ann', 'Is the new phone there?'])

  await ann.say('It is', 'On my desk')
  const all = ['Morning, Ann', 'Is the new phone there?', 'It is', 'On my desk']
  await expect(jake.texts).toHaveText(all)
  await expect(ann.texts).toHaveText(all)
})

test('both write at the same time, and both see the same', async ({ engine, enter }) => {
  // In windows so tall that all of it is in view: only that is in the page.
  const jake = await enter('201', { viewport: { width: 1280, height: 3_000 } })
  const ann = await enter('202', { viewport: { width: 1280, height: 3_000 } })
  await jake.chat('Ann Lee')
  await ann.chat('Jake Miller')

  const numbers = Array.from({ length: 15 }, (_, i) => i + 1)
  await Promise.all([jake.say(...numbers.map((n) => `Jake ${n}`)), ann.say(...numbers.map((n) => `Ann ${n}`))])

  await expect(jake.texts).toHaveCount(30)
  await jake.sentAll()
  await ann.sentAll()
  const committed = await (await engine.client('201')).texts('202')
  expect(committed.filter((text) => text.startsWith('Jake'))).toEqual(numbers.map((n) => `Jake ${n}`))
  expect(committed.filter((text) => text.startsWith('Ann'))).toEqual(numbers.map((n) => `Ann ${n}`))
  await expect(jake.texts).toHaveText(committed)
  await expect(ann.texts).toHaveText(committed)
})

test('a row moves to the top with its preview and count, and the page title counts all', async ({ engine, enter }) => {
  const jake = await engine.client('201')
  const omar = await engine.client('203')
  const ann = await enter('202')
  await expect(ann.page).toHaveTitle('Partyline')

  await jake.say('202', 'First')
  await omar.say('202', 'Lunch?')
  await expect(ann.rows).toContainText(['Omar Haddad', 'Jake Miller'])
  await expect(ann.page).toHaveTitle('(2) Partyline')

  await jake.say('202', 'Second')
  await expect(ann.rows).toContainText(['Jake Miller', 'Omar Haddad'])
  await expect(ann.row('Jake Miller')).toContainText('CHAT')
  await expect(ann.row('Jake Miller')).toContainText('Second')
  await expect(ann.row('Jake Miller')).toContainText('2 unread')
  await expect(ann.row('Omar Haddad')).toContainText('1 unread')
  await expect(ann.page).toHaveTitle('(3) Partyline')

  await ann.open('Jake Miller')
  await expect(ann.row('Jake Miller')).not.toContainText('unread')
  await expect(ann.page).toHaveTitle('(1) Partyline')
  await ann.open('Omar Haddad')
  await expect(ann.page).toHaveTitle('Partyline')
})

test('a line says where unread begins', async ({ engine, enter }) => {
  const jake = await engine.client('201')
  await jake.say('202', 'Old')
  const ann = await enter('202')
  await ann.open('Jake Miller')
  await expect(ann.row('Jake Miller')).not.toContainText('unread')
  await ann.page.reload()
  await expect(ann.row('Jake Miller')).toContainText('Old')

  await jake.say('202', 'New')
  await expect(ann.row('Jake Miller')).toContainText('1 unread')
  await ann.open('Jake Miller')
  await expect(ann.texts).toHaveText(['Old', 'New'])
  await expect(ann.log('Jake Miller')).toHaveText(/Old\s*Unread from here.*New/)
})

test('a receipt names who has read my message, once they have opened it', async ({ enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.chat('Ann Lee')
  await jake.say('Have you seen this?')
  await expect(ann.row('Jake Miller')).toContainText('1 unread')
  await jake.sentAll()
  await expect(jake.page.getByText('Read by')).toHaveCount(0)

  await ann.open('Jake Miller')
  const receipt = jake.page.getByRole('article').filter({ hasText: 'Have you seen this?' }).getByText('Read by Ann Lee')
  await expect(receipt).toBeVisible()
  await expect(ann.page.getByText('Read by')).toHaveCount(0)
})

test('a receipt under the last of many messages is in view', async ({ engine, enter }) => {
  const texts = Array.from({ length: 40 }, (_, i) => `Line ${i + 1}`)
  await (await engine.client('201')).say('202', ...texts)
  const jake = await enter('201')
  await jake.open('Ann Lee')
  await expect(jake.text('Line 40')).toBeInViewport({ ratio: 1 })

  const ann = await enter('202')
  await ann.open('Jake Miller')
  await expect(jake.page.getByText('Read by Ann Lee')).toBeInViewport({ ratio: 1 })
})

test('typing is shown, and ends with the message', async ({ engine, enter }) => {
  await (await engine.client('201')).say('202', 'Hello')
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.open('Ann Lee')
  await ann.open('Jake Miller')

  await jake.composer.pressSequentially('How are')
  await expect(ann.typing('Jake Miller')).toBeVisible()
  await jake.composer.press('Enter')
  await expect(ann.text('How are')).toBeVisible()
  await expect(ann.typing('Jake Miller')).toHaveCount(0)
})

test('typing that leads to nothing ends by itself', async ({ engine, enter }) => {
  await (await engine.client('201')).say('202', 'Hello')
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.open('Ann Lee')
  await ann.open('Jake Miller')

  await jake.composer.pressSequentially('Hm')
  await expect(ann.typing('Jake Miller')).toBeVisible()
  await expect(ann.typing('Jake Miller')).toHaveCount(0)
})

test('the header says whether the other is there', async ({ enter }) => {
  const jake = await enter('201')
  await jake.chat('Ann Lee')
  await expect(jake.page.getByText('202 · offline')).toBeVisible()

  const ann = await enter('202')
  await expect(jake.page.getByText('202 · online')).toBeVisible()

  // 10 seconds after the last tab closed, the engine takes her for gone.
  await ann.page.close()
  await expect(jake.page.getByText('202 · offline')).toBeVisible({ timeout: 20_000 })
})

test('the first message of a colleague brings their presence with it', async ({ enter }) => {
  const ann = await enter('202')
  const jake = await enter('201')
  await jake.chat('Ann Lee')
  await expect(jake.page.getByText('202 · online')).toBeVisible()
  await jake.say('We have not talked before')

  await ann.open('Jake Miller')
  await expect(ann.page.getByText('201 · online')).toBeVisible()
})
