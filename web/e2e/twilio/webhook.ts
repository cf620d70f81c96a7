// Requests as Twilio makes them. What they are signed with is Twilio's own SDK.
import { createHmac } from 'node:crypto'
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js'
import { ACCOUNT, newSid } from './carrier'

/** Several values of a name are several fields. */
export type Form = Record<string, string | string[]>

export interface Webhook {
  path: string
  headers: Record<string, string>
  body: string
}

interface Signing {
  token: string
  /** The address that Twilio was told, which is what it signs. */
  url: string
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }

export function encoded(form: Form): string {
  const pairs = Object.entries(form).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value]))
  return new URLSearchParams(pairs).toString()
}

export function signed(path: string, form: Form, { token, url }: Signing): Webhook {
  const signature = getExpectedTwilioSignature(token, url, form)
  return { path, headers: { ...FORM, 'x-twilio-signature': signature }, body: encoded(form) }
}

/**
 * The newer form: the same, hashed by SHA-256, and a header says so. The SDK for Node can't make it (6.2.0), so this is
 * what its documentation says: only the hash is another.
 */
export function signedBySha256(path: string, form: Form, { token, url }: Signing): Webhook {
  const names = Object.keys(form).sort()
  const fields = names.flatMap((name) => [...new Set([form[name]!].flat())].sort().map((value) => name + value)).join('')
  const signature = createHmac('sha256', token).update(url + fields).digest('base64')
  const settings = 'key=webhooks_sharedkey_1,algorithm=HMAC_SHA256'
  return {
    path,
    headers: { ...FORM, 'x-twilio-signature': signature, 'x-twilio-webhooks-signature-settings': settings },
    body: encoded(form),
  }
}

/** The fields of a text that comes in (Twilio's documentation: "Twilio's request to your incoming message Webhook URL"). */
export function textIn(from: string, to: string, body: string, more: Form = {}): Form & { MessageSid: string } {
  const sid = newSid('SM')
  return {
    ToCountry: 'US',
    ToState: 'GA',
    SmsMessageSid: sid,
    NumMedia: '0',
    ToCity: 'ATLANTA',
    FromZip: '30303',
    SmsSid: sid,
    FromState: 'GA',
    SmsStatus: 'received',
    FromCity: 'ATLANTA',
    Body: body,
    FromCountry: 'US',
    To: to,
    ToZip: '30303',
    NumSegments: '1',
    MessageSid: sid,
    AccountSid: ACCOUNT,
    From: from,
    ApiVersion: '2010-04-01',
    ...more,
  }
}

/** The fields of news of a text that went out ("Outbound Message Status in Status Callbacks"). */
export function news(sid: string, from: string, to: string, status: string, errorCode?: string): Form {
  return {
    ...(errorCode ? { ErrorCode: errorCode } : {}),
    SmsSid: sid,
    SmsStatus: status,
    MessageStatus: status,
    To: to,
    MessageSid: sid,
    AccountSid: ACCOUNT,
    From: from,
    ApiVersion: '2010-04-01',
  }
}
