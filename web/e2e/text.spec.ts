import { expect, test } from './test'

test('text is never HTML', async ({ enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')
  const alerts: string[] = []
  for (const { page } of [jake, ann]) page.on('dialog', (dialog) => (alerts.push(dialog.message()), dialog.dismiss()))
  await jake.chat('Ann Lee')
  const texts = ['<img src=x onerror=alert(1)>', '<b>x</b>', '&lt;i&gt; {{7*7}} ${1}', '<script>alert(2)</script>']
  await jake.say(...texts)

  await expect(ann.row('Jake Miller')).toContainText('<script>alert(2)</script>')
  await ann.open('Jake Miller')
  for (const person of [jake, ann]) {
    await expect(person.texts).toHaveText(texts)
    await expect(person.page.getByRole('log').locator('img, b:not(.by b), script')).toHaveCount(0)
  }
  expect(alerts).toEqual([])
})

test('a name is never HTML', async ({ engine, enter }) => {
  await (await engine.client('203')).say('202', 'Hi')
  const ann = await enter('202')
  await ann.open('Omar Haddad')
  await engine.provision('203', { name: '<img src=x> Omar' })
  await expect(ann.page.getByRole('heading', { name: '<img src=x> Omar' })).toBeVisible()
  await expect(ann.rows).toContainText(['<img src=x> Omar'])
})

test('lines, spaces, emoji and right-to-left text arrive as they were written', async ({ enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')
  await jake.chat('Ann Lee')
  await jake.composer.pressSequentially('First line')
  await jake.composer.press('Shift+Enter')
  await jake.composer.press('Shift+Enter')
  await jake.composer.pressSequentially('    third, indented')
  await jake.composer.press('Enter')
  await jake.say('👩‍👩‍👧‍👦 👍🏽 🇺🇦 é', 'שלום, Ann! مرحبا')

  const all = ['First line\n\n    third, indented', '👩‍👩‍👧‍👦 👍🏽 🇺🇦 é', 'שלום, Ann! مرحبا']
  await ann.open('Jake Miller')
  await expect(ann.texts).toHaveCount(3)
  await jake.sentAll()
  for (const person of [jake, ann]) {
    expect(await person.texts.evaluateAll((found) => found.map((e) => e.textContent))).toEqual(all)
    await expect(person.texts.nth(2)).toHaveCSS('direction', 'rtl')
  }
  const height = async (n: number): Promise<number> => (await ann.texts.nth(n).boundingBox())?.height ?? 0
  expect(await height(0)).toBeGreaterThan(2 * (await height(1)))
})

test('an address becomes a link that leads nowhere but there', async ({ enter }) => {
  const jake = await enter('201')
  await jake.chat('Ann Lee')
  await jake.say('See https://example.com/a?b=1. Not javascript:alert(1)')
  const links = jake.page.getByRole('log').getByRole('link')
  await expect(links).toHaveText(['https://example.com/a?b=1'])
  await expect(links).toHaveAttribute('href', 'https://example.com/a?b=1')
  await expect(links).toHaveAttribute('rel', /noopener/)
})

test('a text that is too long can’t be sent, and is not lost', async ({ engine, enter }) => {
  const jake = await enter('201')
  await jake.chat('Ann Lee')
  await jake.composer.fill('😀'.repeat(4_001))
  await expect(jake.page.getByText('4001 / 4000')).toBeVisible()
  await expect(jake.page.getByRole('button', { name: 'Send' })).toBeDisabled()
  await jake.composer.press('Enter')
  await expect(jake.composer).toHaveValue('😀'.repeat(4_001))

  await jake.composer.fill('😀'.repeat(4_000))
  await jake.page.getByRole('button', { name: 'Send' }).click()
  await expect(jake.composer).toHaveValue('')
  await expect(jake.texts).toHaveText(['😀'.repeat(4_000)])
  await jake.sentAll()
  expect(await (await engine.client('202')).texts('201')).toEqual(['😀'.repeat(4_000)])
})

test('nothing is sent of an empty text', async ({ enter }) => {
  const jake = await enter('201')
  await jake.chat('Ann Lee')
  await expect(jake.page.getByText('Nothing here yet')).toBeVisible()
  await jake.composer.fill('  \n ')
  await expect(jake.page.getByRole('button', { name: 'Send' })).toBeDisabled()
  await jake.composer.press('Enter')
  await jake.say('Something')
  await expect(jake.texts).toHaveText(['Something'])
})

test('a long text without a space breaks nothing, wide or narrow', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'x'.repeat(4_000), 'ש'.repeat(2_000))
  for (const width of [1280, 360]) {
    const jake = await enter('201', { viewport: { width, height: 740 } })
    await jake.open('Ann Lee')
    await expect(jake.texts).toHaveText(['x'.repeat(4_000), 'ש'.repeat(2_000)])
    expect(await jake.log('Ann Lee').evaluate((e) => e.scrollWidth - e.clientWidth)).toBe(0)
    expect(await jake.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0)
  }
})

test('a few emoji alone are shown larger', async ({ enter }) => {
  const jake = await enter('201')
  await jake.chat('Ann Lee')
  const large = ['🎉', '👍🏽 👩‍👩‍👧‍👦', '🇺🇦❤️', '1️⃣']
  const ordinary = ['42', 'Nice 👍', '👍'.repeat(20), '©', '*']
  await jake.say(...large, ...ordinary)
  await expect(jake.texts).toHaveText([...large, ...ordinary])
  const size = (text: string): Promise<number> => jake.text(text).evaluate((e) => parseFloat(getComputedStyle(e).fontSize))
  for (const text of large) expect(await size(text), text).toBeGreaterThan(30)
  for (const text of ordinary) expect(await size(text), text).toBeLessThan(20)
})

test('a link ends where its sentence goes on', async ({ enter }) => {
  const jake = await enter('201')
  await jake.chat('Ann Lee')
  await jake.say('(see https://en.wikipedia.org/wiki/Bell_(telephone)), or https://example.com/?q=a,b.', 'HTTPS://EXAMPLE.COM!')
  await expect(jake.page.getByRole('log').getByRole('link')).toHaveText([
    'https://en.wikipedia.org/wiki/Bell_(telephone)',
    'https://example.com/?q=a,b',
    'HTTPS://EXAMPLE.COM',
  ])
})
