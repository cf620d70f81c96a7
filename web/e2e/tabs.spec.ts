import { expect, test } from './test'

test('reading in one tab clears unread in the other', async ({ engine, enter }) => {
  const ann = await engine.client('202')
  const jake = await enter('201')
  const other = await jake.tab()
  await ann.say('201', 'One', 'Two')
  await expect(jake.row('Ann Lee')).toContainText('2 unread')
  await expect(other.row('Ann Lee')).toContainText('2 unread')
  await expect(other.page).toHaveTitle('(2) Partyline')

  await jake.open('Ann Lee')
  await expect(other.row('Ann Lee')).not.toContainText('unread')
  await expect(other.page).toHaveTitle('Partyline')
})

test('what is sent in one tab is in the other, once', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'Hi')
  const jake = await enter('201')
  const other = await jake.tab()
  await jake.open('Ann Lee')
  await other.open('Ann Lee')

  await jake.say('From here')
  await other.say('From there')
  await expect(jake.texts).toHaveCount(3)
  await jake.sentAll()
  await other.sentAll()
  const all = await (await engine.client('202')).texts('201')
  expect([...all].sort()).toEqual(['From here', 'From there', 'Hi'])
  await expect(jake.texts).toHaveText(all)
  await expect(other.texts).toHaveText(all)
  await expect(other.row('Ann Lee')).not.toContainText('unread')
})

test('what two tabs wrote without a connection survives a reload of both', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'Hi')
  const jake = await enter('201')
  const other = await jake.tab()
  await jake.open('Ann Lee')
  await other.open('Ann Lee')
  await expect(other.texts).toHaveText(['Hi'])

  await engine.kill()
  await expect(jake.reconnecting).toBeVisible()
  await expect(other.reconnecting).toBeVisible()
  await jake.say('From here')
  await other.say('From there')
  await expect(jake.text('From here')).toBeVisible()
  await expect(other.text('From there')).toBeVisible()
  await other.page.close()

  await engine.run()
  await jake.page.goto(engine.url)
  await jake.open('Ann Lee')
  await expect(jake.text('From here')).toBeVisible()
  await expect(jake.text('From there')).toBeVisible()
  await jake.sentAll()
  const all = await (await engine.client('202')).texts('201')
  expect([...all].sort()).toEqual(['From here', 'From there', 'Hi'])
})

test('signing out in one tab signs out the other', async ({ enter }) => {
  const jake = await enter('201')
  const other = await jake.tab()
  await jake.page.getByRole('button', { name: 'Sign out' }).click()
  await expect(jake.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(other.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
})
