/** What the agent writes: text, notes, files, changes to what was said. */
import { codeText } from '../../text/codes'
import { FrameError } from '../../wire/client'
import { randomId } from '../../wire/device'
import type { Content, Envelope, Media, SendReply } from '../../wire/protocol'
import { MAX_UPLOAD } from '../../wire/protocol'
import { upload } from '../../wire/upload'
import { lang, t } from '../settings'
import type { Ground } from './ground'
import type { Talk } from './state'

const TYPING_MS = 3000

interface Place {
  sync: (talk: Talk) => Promise<void>
  settle: (talk: Talk) => void
}

export function writing({ account, state, client, outbox, toast, attempt }: Ground, { sync, settle }: Place) {
  function post(talk: Talk, content: Content): void {
    const internal = content.type === 'note'
    const epoch = talk.state.session?.control_epoch
    outbox.add({
      conv: talk.log.conv, cid: randomId('c'), type: content.type, body: content.body,
      ...(internal && { visibility: 'agents' as const }), ...(!internal && epoch !== undefined && { epoch }),
    })
  }

  /** Edit or recall: only while connected, because two minutes pass quickly. */
  async function amend(talk: Talk, target: Envelope, text: string | undefined): Promise<boolean> {
    const { conv } = talk.log
    const d = text === undefined
      ? { conv, cid: randomId('c'), type: 'recall', body: { target: target.id } }
      : { conv, cid: randomId('c'), type: target.type, body: { text }, replaces: target.id, ...(target.type === 'note' && { visibility: 'agents' }) }
    const reply = await attempt(() => client.request<SendReply>('send', d))
    if (reply && talk.log.cursor < reply.seq) setTimeout(() => talk.log.cursor < reply.seq && void sync(talk), 1000)
    return reply !== undefined
  }

  function sendFile(talk: Talk, file: File): void {
    if (file.size > MAX_UPLOAD) return toast(t('uploadTooLarge'), 'warn')
    const name = file.name || 'image.png'
    const preview = file.type.startsWith('image/') ? URL.createObjectURL(file) : ''
    const running = upload(client, file, name, (share) => {
      const live = talk.uploads.find((one) => one.key === key)
      if (live) live.share = share
    })
    const key = randomId('u')
    talk.uploads.push({ key, name, preview, share: 0, abort: running.abort })
    running.done
      .then((media) => {
        if (preview) state.previews[media.id] = preview
        post(talk, contentOf(media, name))
      })
      .catch((error: unknown) => {
        const code = error instanceof FrameError ? error.code : 'internal'
        if (code !== 'cancelled') toast(t('uploadFailed', { why: codeText(code, lang.value) }), 'warn')
      })
      .finally(() => (talk.uploads = talk.uploads.filter((one) => one.key !== key)))
  }

  /** The server took a message. The log takes it over at once when nothing lies between, else when the push or a sync brings it. */
  function takeOver(conv: string, cid: string, reply: SendReply): void {
    const talk = state.talks[conv]
    const item = outbox.find(cid)
    if (!talk || !item || !state.me) return
    if (talk.log.hasCid(cid)) return outbox.remove(cid)
    const { request } = item
    if (talk.log.loaded && reply.seq === talk.log.cursor + 1) {
      const envelope = {
        v: 1, id: reply.id, tenant: state.me.tenant, conv, seq: reply.seq, cid, ts: reply.ts, from: { role: account.role === 'agent' ? 'agent' : 'supervisor', id: state.me.id, name: state.me.name },
        visibility: request.visibility ?? 'all', type: request.type, body: request.body, fallback: textOf(request.body),
        channel: { kind: talk.state.contact.channel, account: talk.state.contact.account ?? '' }, control_epoch: request.epoch ?? 0,
        ...(talk.state.session && { session: talk.state.session.session }),
      } as Envelope
      talk.log.apply(talk.log.cursor, envelope)
      settle(talk)
    } else setTimeout(() => outbox.find(cid) && client.state.kind === 'online' && void sync(talk), 1500)
  }

  let typingAt = 0
  function typing(talk: Talk, on: boolean): void {
    if (on && Date.now() - typingAt < TYPING_MS) return
    if (!on && typingAt === 0) return
    typingAt = on ? Date.now() : 0
    client.tell('typing', { conv: talk.log.conv, on })
  }

  return { post, amend, sendFile, takeOver, typing }
}

function contentOf(media: Media, name: string): Content {
  switch (/^(image|audio|video)\//.exec(media.mime)?.[1]) {
    case 'image': return { type: 'image', body: { media } }
    case 'audio': return { type: 'voice', body: { media } }
    case 'video': return { type: 'video', body: { media } }
    default: return { type: 'file', body: { media, name } }
  }
}

function textOf(body: unknown): string {
  const { text } = body as { text?: unknown }
  return typeof text === 'string' ? text : ''
}
