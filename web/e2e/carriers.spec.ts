// Carriers as people see them: texts over an SMPP link, and how it stands.
import { clean, fitsIn, SCREENS } from './clean'
import { Engine, MAIN } from './engine'
import type { Person } from './person'
import { ESME_RBINDFAIL, Smsc } from './smsc'
import { expect, test as base } from './test'

const CUSTOMER = '+14045550199'
const SHOWN = '+1 404-555-0199'
/** A port on which nobody listens. */
const NOBODY = 1

const test = base.extend<{ smsc: Smsc }>({
  smsc: async ({}, use) => {
    const smsc = await Smsc.start()
    await use(smsc)
    smsc.stop()
  },

  /** Beside the simulator, it has a link to the message centre, and one to nowhere. */
  engine: async ({ smsc }, use, info) => {
    const sections = smsc.section('wholesale') + smsc.section('nowhere', NOBODY)
    const engine = await Engine.start({ sections })
    await use(engine)
    if (info.status !== info.expectedStatus) await info.attach('engine.log', { body: engine.log, contentType: 'text/plain' })
    await engine.stop()
  },
})

const makeAdmin = (engine: Engine): Promise<unknown> =>
  engine.pbx('PUT', '/v1/pbx/extensions/204', { name: 'Zoë Brandt', role: 'admin', password: 'secret-204' })

async function toCarriers({ page }: Person): Promise<void> {
  await page.getByRole('tab', { name: /^Admin/ }).click()
  await page.getByRole('navigation', { name: 'Admin' }).getByRole('button', { name: 'Carriers' }).click()
  await expect(page.getByRole('heading', { name: 'Carriers', level: 2 })).toBeVisible()
}

test('an agent and a customer talk over SMPP: long texts, emoji, and what comes back', async ({ engine, smsc, enter }) => {
  await engine.number(MAIN, 'Main line', { carrier: 'wholesale' })
  await engine.provision('201', { caller_ids: [MAIN] })
  const jake = await enter('201')
  const long = `Your order is ready 🍩. ${'It waits for you at the counter, and we are open until six. '.repeat(5)}`.trim()
  await jake.sms('(404) 555-0199', SHOWN)
  await jake.say(long)
  await expect(jake.deliveries).toHaveText(['Delivered'])
  expect(await smsc.received(CUSTOMER)).toEqual([long])
  await smsc.text(CUSTOMER, MAIN, 'Great, I come at five 👍')
  await expect(jake.text('Great, I come at five 👍')).toBeVisible()
})

test('an administrator sees how each link stands, while it changes', async ({ engine, smsc, enter }) => {
  await makeAdmin(engine)
  const zoe = await enter('204')
  await toCarriers(zoe)
  const rows = zoe.page.getByRole('list', { name: 'Carriers', exact: true }).getByRole('listitem')
  await expect(rows).toHaveText([
    /^nowhere SMPP Since .+: connection refused Not connected$/,
    /^sim Simulator\s+Ready$/,
    /^wholesale SMPP Since [^:]+:\d+[^:]* Connected$/,
  ])
  await smsc.set({ bind_status: ESME_RBINDFAIL })
  await smsc.reset()
  await expect(rows.last()).toContainText(/Since .*: .+ Refused/)
  await expect(rows.first()).toContainText('Not connected')
})

for (const [name, options] of SCREENS) {
  test(`axe finds nothing in Carriers, ${name}`, async ({ engine, enter }) => {
    await makeAdmin(engine)
    const zoe = await enter('204', options)
    await toCarriers(zoe)
    await expect(zoe.page.getByText('Not connected')).toBeVisible()
    await clean(zoe.page)
    await fitsIn(zoe.page)
  })
}
