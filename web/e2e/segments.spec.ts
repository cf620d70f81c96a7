// Texts are counted as Twilio counts them: by its own calculator.
import { SegmentedMessage } from 'sms-segments-calculator'
import { password } from './engine'
import { expect, test } from './test'

/** What texts are made of: one kind, or several mixed. */
const KINDS = [
  'abc XYZ 0123',
  'abc\n\r\n',
  '€[]{}|^~\\',
  'éèùìòÇØøÅåΔ',
  'ç`\táâê“”',
  '😀👍🏽👨‍👩‍👧🇩🇪❤️',
  'é̈ñ',
  'مرحبا שלום',
  '你好世界',
  'नमस्ते',
  '👩🏿‍🚀🏳️‍🌈☎️1️⃣',
].map((kind) => Array.from(new Intl.Segmenter('en').segment(kind), (part) => part.segment))

test('three thousand texts have the segments that Twilio counts', async ({ engine }) => {
  const { token } = await engine.call('', 'POST', '/v1/login', { extension: '201', password: password('201') })
  let seed = 20_260
  const chance = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return seed % below
  }
  for (let n = 0; n < 3_000; n++) {
    const letters = Array.from({ length: 1 + chance(3) }, () => KINDS[chance(KINDS.length)]!).flat()
    const text = Array.from({ length: chance(400) }, () => letters[chance(letters.length)]).join('')
    const theirs = new SegmentedMessage(text)
    const ours = await engine.call(token, 'POST', '/v1/sms/estimate', { text })
    expect([ours.encoding, ours.segments], JSON.stringify(text)).toEqual([theirs.encodingName, theirs.segmentsCount])
  }
})
