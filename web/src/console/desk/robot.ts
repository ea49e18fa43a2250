/** What the agent has to do with robots: what they answer now, how they came to it, taking over, passing back, their suggestions. */
import { codeText } from '../../text/codes'
import { FrameError } from '../../wire/client'
import type { ConvState, RobotTurn, Suggestion, Suggestions } from '../../wire/protocol'
import { lang, t } from '../settings'
import type { Ground } from './ground'
import type { Talk } from './state'
import { answeredAfter } from './talk'

/** Suggestions that are shown, and have a key. */
const SUGGESTED = 3

interface Place {
  /** A conversation came to the desk by the agent's own doing. */
  arrived: (conv: ConvState) => void
}

export function robots({ state, client, outbox, toast, attempt }: Ground, { arrived }: Place) {
  /** What machines answer now. Rejects with FrameError: who asks again and again says so in its own place. */
  async function robotList(): Promise<ConvState[]> {
    const { convs } = await client.request<{ convs: ConvState[] }>('robot.list')
    if (convs.length) state.robots = true
    return convs
  }

  /** What the robot of a session was asked. Rejects with FrameError. */
  async function robotTrace(session: string): Promise<RobotTurn[]> {
    return (await client.request<{ turns: RobotTurn[] }>('robot.trace', { session })).turns
  }

  /** Takes a conversation from a robot or a form; whether it is on the desk now. */
  async function takeOver(conv: ConvState): Promise<boolean> {
    const session = conv.session?.session
    const reply = await attempt(() => client.request<{ conv: ConvState }>('takeover', { session }))
    if (reply) arrived(reply.conv)
    return reply !== undefined
  }

  /** Gives a conversation to the robot; whether it has it now. */
  async function passBack(talk: Talk): Promise<boolean> {
    try {
      await client.request('robot.back', { session: talk.state.session?.session })
    } catch (error) {
      const code = error instanceof FrameError ? error.code : 'internal'
      if (code === 'not_found') state.robots = false
      toast(code === 'not_found' ? t('noRobot') : codeText(code, lang.value), 'warn')
      return false
    }
    toast(t('robotHasIt'))
    return true
  }

  /** Answers to what a customer just said. */
  function onSuggest(push: Suggestions): void {
    state.robots = true
    const talk = state.talks[push.conv]
    if (talk && push.answers.length && (talk.suggestions?.seq ?? 0) <= push.seq) talk.suggestions = push
  }

  function dismiss(talk: Talk): void {
    delete talk.suggestions
  }

  /** What is worth suggesting now: nothing once an agent has answered, or is about to. */
  function suggested(talk: Talk): Suggestion[] {
    const { suggestions } = talk
    if (!suggestions || answeredAfter(talk, suggestions.seq)) return []
    const leaving = outbox.of(talk.log.conv).some((item) => item.request.type !== 'note' && item.state !== 'failed' && item.request.replaces === undefined)
    return leaving ? [] : suggestions.answers.slice(0, SUGGESTED)
  }

  return { robotList, robotTrace, takeOver, passBack, onSuggest, suggested, dismiss }
}
